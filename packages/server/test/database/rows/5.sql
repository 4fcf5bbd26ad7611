INSERT INTO factory_watches (id, organisation_id, kind, flavours, kernels, "only", up_to, every_minutes, seen)
  VALUES ('00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000001', 'apt', '[]', '[]', '["net/"]', '6.1.176-1', 60, '[]');
