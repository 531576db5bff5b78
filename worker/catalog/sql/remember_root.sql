-- remember_root: where the photos lie, and when we last looked.
INSERT INTO catalogs (root, ingested_at)
VALUES (%(root)s, now())
ON CONFLICT (catalog_id) DO UPDATE SET root = excluded.root, ingested_at = excluded.ingested_at
