CREATE TABLE "fleet_samples" (
	"organisation_id" uuid NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"figures" jsonb NOT NULL,
	CONSTRAINT "fleet_samples_organisation_id_at_pk" PRIMARY KEY("organisation_id","at")
);
--> statement-breakpoint
CREATE TABLE "rollout_plans" (
	"organisation_id" uuid NOT NULL,
	"name" text NOT NULL,
	"rings" jsonb NOT NULL,
	"gates" jsonb NOT NULL,
	"automatic" boolean NOT NULL,
	"changed_at" timestamp with time zone NOT NULL,
	"changed_by" text NOT NULL,
	CONSTRAINT "rollout_plans_organisation_id_name_pk" PRIMARY KEY("organisation_id","name")
);
--> statement-breakpoint
CREATE TABLE "staged_rollouts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"organisation_id" uuid NOT NULL,
	"name" text NOT NULL,
	"updates" text[] NOT NULL,
	"plan" text NOT NULL,
	"rings" jsonb NOT NULL,
	"gates" jsonb NOT NULL,
	"state" text NOT NULL,
	"ring" integer NOT NULL,
	"ring_since" timestamp with time zone NOT NULL,
	"starts_at" timestamp with time zone NOT NULL,
	"halt" jsonb,
	"overruled" uuid[] DEFAULT '{}'::uuid[] NOT NULL,
	"notices" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"changed_at" timestamp with time zone NOT NULL,
	"changed_by" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "groups" ADD COLUMN "windows" jsonb;--> statement-breakpoint
ALTER TABLE "organisations" ADD COLUMN "windows" jsonb;--> statement-breakpoint
ALTER TABLE "organisations" ADD COLUMN "public_exposure" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "staged_rollout_id" uuid;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "audience" jsonb;--> statement-breakpoint
ALTER TABLE "rollouts" ADD COLUMN "taken_back" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "fleet_samples" ADD CONSTRAINT "fleet_samples_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "rollout_plans" ADD CONSTRAINT "rollout_plans_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "staged_rollouts" ADD CONSTRAINT "staged_rollouts_organisation_id_organisations_id_fk" FOREIGN KEY ("organisation_id") REFERENCES "public"."organisations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "staged_rollouts_list" ON "staged_rollouts" USING btree ("organisation_id","changed_at");--> statement-breakpoint
ALTER TABLE "rollouts" ADD CONSTRAINT "rollouts_staged_rollout_id_staged_rollouts_id_fk" FOREIGN KEY ("staged_rollout_id") REFERENCES "public"."staged_rollouts"("id") ON DELETE set null ON UPDATE no action;