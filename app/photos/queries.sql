-- name: fetch_root
-- The root of the photos, and whether anything was ingested.
SELECT root, ingested_at IS NOT NULL FROM catalogs
