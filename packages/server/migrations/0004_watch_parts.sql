ALTER TABLE "factory_cumulatives" ADD COLUMN "left_out" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "factory_releases" ADD COLUMN "watch_id" uuid;--> statement-breakpoint
ALTER TABLE "factory_releases" ADD COLUMN "offered_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "factory_watches" ADD COLUMN "only" jsonb;--> statement-breakpoint
ALTER TABLE "factory_watches" ADD COLUMN "up_to" text;--> statement-breakpoint
ALTER TABLE "factory_releases" ADD CONSTRAINT "factory_releases_watch_id_factory_watches_id_fk" FOREIGN KEY ("watch_id") REFERENCES "public"."factory_watches"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
UPDATE "factory_jobs" SET "state" = 'cancelled', "ended_at" = now(), "problem" = 'another job does the same'
WHERE "id" IN (SELECT "id" FROM (SELECT "id", row_number() OVER (PARTITION BY "organisation_id", "kind", "target" ORDER BY "attempt" DESC, "created_at", "id") "at"
  FROM "factory_jobs" WHERE "state" = 'waiting') "ranked" WHERE "at" > 1);--> statement-breakpoint
CREATE UNIQUE INDEX "factory_jobs_waiting" ON "factory_jobs" USING btree ("organisation_id","kind","target") WHERE state = 'waiting';