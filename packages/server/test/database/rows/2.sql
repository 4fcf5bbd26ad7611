INSERT INTO organisations (id, name) VALUES ('00000000-0000-4000-8000-000000000001', 'old');
INSERT INTO patch_levels (organisation_id, hash, kernel_release, kernel_version, build_id, architecture, flavour, effective_release, cves_fixed, updates)
  VALUES ('00000000-0000-4000-8000-000000000001', 'h', '6.1.0-47-amd64', '6.1.170-3', 'cccccccccccccccc', 'x86_64', 'amd64', '6.1.176-1', 1,
    '[{"id": "fix_1", "engine": "livepatch", "state": "applied"}]');
INSERT INTO machines (id, organisation_id, token_hash, machine_id, fingerprint, state, hostname, client, health, patch_level_id, registered_at,
    last_seen_at, boot_id, uptime_seconds, report_hash)
  VALUES ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000001', 't', 'm', 'f', 'active', 'old.example', '0.1.0',
    'good', 1, now(), now(), 'b', 1, 'r');
