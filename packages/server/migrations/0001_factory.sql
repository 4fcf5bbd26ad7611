CREATE TABLE "factory_candidates" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organisation_id" uuid NOT NULL,
	"release_id" uuid NOT NULL,
	"unit_id" uuid NOT NULL,
	"kernel_release" text NOT NULL,
	"kernel_version" text NOT NULL,
	"build_id" text,
	"state" text NOT NULL,
	"verdict" text,
	"priority" integer DEFAULT 0 NOT NULL,
	"reasons" jsonb NOT NULL,
	"requires_unloaded" jsonb NOT NULL,
	"waiting_for" text,
	"functions" integer DEFAULT 0 NOT NULL,
	"update_id" text,
	"update_length" integer,
	"update_sha256" text,
	"engine" text,
	"detail_sha256" text,
	"custom_code" text,
	"review_sha256" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"changed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "factory_candidates_unit" UNIQUE("unit_id","kernel_release","kernel_version")
);
--> statement-breakpoint
CREATE TABLE "factory_cumulatives" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organisation_id" uuid NOT NULL,
	"kernel_release" text NOT NULL,
	"kernel_version" text NOT NULL,
	"number" integer NOT NULL,
	"update_id" text NOT NULL,
	"state" text NOT NULL,
	"problem" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"published_at" timestamp with time zone,
	"candidates" jsonb NOT NULL,
	"units" jsonb NOT NULL,
	"cves" jsonb NOT NULL,
	"length" integer,
	"sha256" text,
	"log" text,
	CONSTRAINT "factory_cumulatives_number" UNIQUE("organisation_id","kernel_release","kernel_version","number")
);
--> statement-breakpoint
CREATE TABLE "factory_history" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"candidate_id" uuid NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"from_state" text,
	"to_state" text NOT NULL,
	"who" text NOT NULL,
	"why" text
);
--> statement-breakpoint
CREATE TABLE "factory_job_logs" (
	"job_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"text" text NOT NULL,
	CONSTRAINT "factory_job_logs_job_id_position_pk" PRIMARY KEY("job_id","position")
);
--> statement-breakpoint
CREATE TABLE "factory_jobs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organisation_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"state" text NOT NULL,
	"subject" text NOT NULL,
	"target" text NOT NULL,
	"candidate_id" uuid,
	"release_id" uuid,
	"kernel" text,
	"priority" integer DEFAULT 0 NOT NULL,
	"attempt" integer DEFAULT 0 NOT NULL,
	"attempts" integer NOT NULL,
	"worker" text,
	"lease" uuid,
	"leased_until" timestamp with time zone,
	"run_after" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	"stage" text,
	"percent" integer,
	"problem" text,
	"cpu_milliseconds" bigint
);
--> statement-breakpoint
CREATE TABLE "factory_priorities" (
	"organisation_id" uuid NOT NULL,
	"cve" text NOT NULL,
	"severity" text,
	"exploited" boolean NOT NULL,
	"imported_at" timestamp with time zone NOT NULL,
	CONSTRAINT "factory_priorities_organisation_id_cve_pk" PRIMARY KEY("organisation_id","cve")
);
--> statement-breakpoint
CREATE TABLE "factory_releases" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organisation_id" uuid NOT NULL,
	"source" text NOT NULL,
	"identity" text NOT NULL,
	"title" text NOT NULL,
	"from_version" text NOT NULL,
	"to_version" text NOT NULL,
	"state" text NOT NULL,
	"problem" text,
	"kernels" jsonb NOT NULL,
	"only" jsonb,
	"series" jsonb,
	"untied_cves" jsonb NOT NULL,
	"noticed_at" timestamp with time zone NOT NULL,
	"split_at" timestamp with time zone,
	"settled_at" timestamp with time zone,
	CONSTRAINT "factory_releases_identity" UNIQUE("organisation_id","identity")
);
--> statement-breakpoint
CREATE TABLE "factory_reviews" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"candidate_id" uuid NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"user_id" uuid,
	"who" text NOT NULL,
	"decision" text NOT NULL,
	"words" text,
	"sha256" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "factory_tests" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"candidate_id" uuid NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ok" boolean NOT NULL,
	"problem" text,
	"beside" jsonb NOT NULL,
	"probe" jsonb NOT NULL,
	"update_sha256" text NOT NULL,
	"log" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "factory_units" (
	"id" uuid PRIMARY KEY NOT NULL,
	"release_id" uuid NOT NULL,
	"name" text NOT NULL,
	"files" jsonb NOT NULL,
	"subjects" jsonb NOT NULL,
	"cves" jsonb NOT NULL,
	"joined" jsonb NOT NULL,
	"sha256" text NOT NULL,
	"probe" text,
	CONSTRAINT "factory_units_name" UNIQUE("release_id","name")
);
--> statement-breakpoint
CREATE TABLE "factory_watches" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organisation_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"branch" text,
	"flavours" jsonb NOT NULL,
	"kernels" jsonb NOT NULL,
	"repository" text,
	"every_minutes" integer NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"checked_at" timestamp with time zone,
	"problem" text,
	"seen" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "factory_workers" (
	"name" text PRIMARY KEY NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"seen_at" timestamp with time zone NOT NULL,
	"kinds" jsonb NOT NULL,
	"processors" integer NOT NULL,
	"version" text NOT NULL,
	"done" integer DEFAULT 0 NOT NULL,
	"failed" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
ALTER TABLE "organisations" ADD COLUMN "approvals" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "factory_candidates" ADD CONSTRAINT "factory_candidates_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_candidates" ADD CONSTRAINT "factory_candidates_release_id_factory_releases_id_fk" FOREIGN KEY ("release_id") REFERENCES "public"."factory_releases"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_candidates" ADD CONSTRAINT "factory_candidates_unit_id_factory_units_id_fk" FOREIGN KEY ("unit_id") REFERENCES "public"."factory_units"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_cumulatives" ADD CONSTRAINT "factory_cumulatives_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_history" ADD CONSTRAINT "factory_history_candidate_id_factory_candidates_id_fk" FOREIGN KEY ("candidate_id") REFERENCES "public"."factory_candidates"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_job_logs" ADD CONSTRAINT "factory_job_logs_job_id_factory_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "public"."factory_jobs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_jobs" ADD CONSTRAINT "factory_jobs_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_jobs" ADD CONSTRAINT "factory_jobs_candidate_id_factory_candidates_id_fk" FOREIGN KEY ("candidate_id") REFERENCES "public"."factory_candidates"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_jobs" ADD CONSTRAINT "factory_jobs_release_id_factory_releases_id_fk" FOREIGN KEY ("release_id") REFERENCES "public"."factory_releases"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_priorities" ADD CONSTRAINT "factory_priorities_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_releases" ADD CONSTRAINT "factory_releases_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_reviews" ADD CONSTRAINT "factory_reviews_candidate_id_factory_candidates_id_fk" FOREIGN KEY ("candidate_id") REFERENCES "public"."factory_candidates"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_reviews" ADD CONSTRAINT "factory_reviews_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_tests" ADD CONSTRAINT "factory_tests_candidate_id_factory_candidates_id_fk" FOREIGN KEY ("candidate_id") REFERENCES "public"."factory_candidates"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_units" ADD CONSTRAINT "factory_units_release_id_factory_releases_id_fk" FOREIGN KEY ("release_id") REFERENCES "public"."factory_releases"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "factory_watches" ADD CONSTRAINT "factory_watches_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "factory_candidates_release" ON "factory_candidates" USING btree ("release_id","state");--> statement-breakpoint
CREATE INDEX "factory_candidates_kernel" ON "factory_candidates" USING btree ("organisation_id","kernel_release","state");--> statement-breakpoint
CREATE INDEX "factory_history_candidate" ON "factory_history" USING btree ("candidate_id","id");--> statement-breakpoint
CREATE INDEX "factory_jobs_next" ON "factory_jobs" USING btree ("state","priority","created_at");--> statement-breakpoint
CREATE INDEX "factory_jobs_target" ON "factory_jobs" USING btree ("organisation_id","kind","target");--> statement-breakpoint
CREATE INDEX "factory_jobs_candidate" ON "factory_jobs" USING btree ("candidate_id");--> statement-breakpoint
CREATE INDEX "factory_reviews_candidate" ON "factory_reviews" USING btree ("candidate_id","id");--> statement-breakpoint
CREATE INDEX "factory_tests_candidate" ON "factory_tests" USING btree ("candidate_id","id");