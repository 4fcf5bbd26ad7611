INSERT INTO organisations (id, name) VALUES ('00000000-0000-4000-8000-000000000001', 'old');
INSERT INTO patch_levels (organisation_id, hash, kernel_release, kernel_version, build_id, architecture, flavour, effective_release, cves_fixed, updates)
  VALUES ('00000000-0000-4000-8000-000000000001', 'h', '6.1.0-47-amd64', '6.1.170-3', 'cccccccccccccccc', 'x86_64', 'amd64', '6.1.176-1', 1,
    '[{"id": "fix_1", "engine": "livepatch", "state": "applied"}]');
INSERT INTO machines (id, organisation_id, token_hash, machine_id, fingerprint, state, hostname, client, health, patch_level_id, registered_at,
    last_seen_at, boot_id, uptime_seconds, report_hash)
  VALUES ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001', 't', 'm', 'f', 'active', 'old.example', '0.1.0',
    'good', 1, now(), now(), 'b', 1, 'r');
INSERT INTO rollout_plans (organisation_id, name, rings, gates, automatic, changed_at, changed_by)
  VALUES ('00000000-0000-4000-8000-000000000001', 'careful', '[]', '{}', false, now(), 'user old');
INSERT INTO staged_rollouts (id, organisation_id, name, updates, plan, rings, gates, state, ring, ring_since, starts_at, changed_at, changed_by)
  VALUES ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000001', 'first', '{fix_1}', 'careful', '[]', '{}', 'rolling', 0,
    now(), now(), now(), 'user old');
INSERT INTO rollouts (organisation_id, update_id, ring, changed_at, changed_by, staged_rollout_id)
  VALUES ('00000000-0000-4000-8000-000000000001', 'fix_1', -1, now(), 'user old', '00000000-0000-4000-8000-000000000003');
INSERT INTO fleet_samples (organisation_id, at, figures) VALUES ('00000000-0000-4000-8000-000000000001', now(), '{}');
insert into published_updates (path, update_id, build_id, kernel_release, kernel_version, description, cves, engine, requires, length, sha256, published_at, cumulative) values ('linux-6.1/cc/cum_1.splice', 'cum_1', 'cc', '6.1.0-47-amd64', '6.1.170-3', '', '{}', 'trampoline', '{}', 1, '', now(), '{"number": 1, "contains": ["fix_1"]}');
INSERT INTO factory_jobs (id, organisation_id, kind, state, subject, target, attempts, run_after)
  SELECT ('00000000-0000-4000-8000-00000000010' || n)::uuid, '00000000-0000-4000-8000-000000000001', 'test', 'waiting', 'k', 'k', 6, now()
  FROM generate_series(1, 1) n;
INSERT INTO factory_watches (id, organisation_id, kind, flavours, kernels, "only", up_to, every_minutes, seen)
  VALUES ('00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000001', 'apt', '[]', '[]', '["net/"]', '6.1.176-1', 60, '[]');
INSERT INTO factory_releases (id, organisation_id, source, identity, title, from_version, to_version, state, kernels, untied_cves, noticed_at)
  VALUES ('00000000-0000-4000-8000-000000000005', '00000000-0000-4000-8000-000000000001', 'debian', 'a', 'a', '6.1.170-3', '6.1.176-1', 'ready', '[]', '[]', now());
INSERT INTO factory_units (id, release_id, name, files, subjects, cves, joined, sha256)
  VALUES ('00000000-0000-4000-8000-000000000006', '00000000-0000-4000-8000-000000000005', 'a', '[]', '[]', '[]', '[]', 'a');
INSERT INTO factory_candidates (id, organisation_id, release_id, unit_id, kernel_release, kernel_version, state, reasons, requires_unloaded, test_job_id, changed_at)
  VALUES ('00000000-0000-4000-8000-000000000007', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000005', '00000000-0000-4000-8000-000000000006',
    '6.1.0-47-amd64', '6.1.170-3', 'testing', '[]', '[]', '00000000-0000-4000-8000-000000000008', now());
