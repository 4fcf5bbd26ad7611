INSERT INTO rollout_plans (organisation_id, name, rings, gates, automatic, changed_at, changed_by)
  VALUES ('00000000-0000-4000-8000-000000000001', 'careful', '[]', '{}', false, now(), 'user old');
INSERT INTO staged_rollouts (id, organisation_id, name, updates, plan, rings, gates, state, ring, ring_since, starts_at, changed_at, changed_by)
  VALUES ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000001', 'first', '{fix_1}', 'careful', '[]', '{}', 'rolling', 0,
    now(), now(), now(), 'user old');
INSERT INTO rollouts (organisation_id, update_id, ring, changed_at, changed_by, staged_rollout_id)
  VALUES ('00000000-0000-4000-8000-000000000001', 'fix_1', -1, now(), 'user old', '00000000-0000-4000-8000-000000000003');
INSERT INTO fleet_samples (organisation_id, at, figures) VALUES ('00000000-0000-4000-8000-000000000001', now(), '{}');
