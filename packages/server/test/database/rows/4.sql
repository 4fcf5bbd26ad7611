insert into published_updates (path, update_id, build_id, kernel_release, kernel_version, description, cves, engine, requires, length, sha256, published_at, cumulative) values ('linux-6.1/cc/cum_1.splice', 'cum_1', 'cc', '6.1.0-47-amd64', '6.1.170-3', '', '{}', 'trampoline', '{}', 1, '', now(), '{"number": 1, "contains": ["fix_1"]}');
INSERT INTO factory_jobs (id, organisation_id, kind, state, subject, target, attempts, run_after)
  SELECT ('00000000-0000-4000-8000-00000000010' || n)::uuid, '00000000-0000-4000-8000-000000000001', 'test', 'waiting', 'k', 'k', 6, now()
  FROM generate_series(1, 3) n;
