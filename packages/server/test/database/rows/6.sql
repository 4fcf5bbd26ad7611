INSERT INTO factory_releases (id, organisation_id, source, identity, title, from_version, to_version, state, kernels, untied_cves, noticed_at)
  VALUES ('00000000-0000-4000-8000-000000000005', '00000000-0000-4000-8000-000000000001', 'debian', 'a', 'a', '6.1.170-3', '6.1.176-1', 'ready', '[]', '[]', now());
INSERT INTO factory_units (id, release_id, name, files, subjects, cves, joined, sha256)
  VALUES ('00000000-0000-4000-8000-000000000006', '00000000-0000-4000-8000-000000000005', 'a', '[]', '[]', '[]', '[]', 'a');
INSERT INTO factory_candidates (id, organisation_id, release_id, unit_id, kernel_release, kernel_version, state, reasons, requires_unloaded, test_job_id, changed_at)
  VALUES ('00000000-0000-4000-8000-000000000007', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000005', '00000000-0000-4000-8000-000000000006',
    '6.1.0-47-amd64', '6.1.170-3', 'testing', '[]', '[]', '00000000-0000-4000-8000-000000000008', now());
