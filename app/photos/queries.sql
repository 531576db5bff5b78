-- name: get_root
-- What references of photos are below, and whether anything was ingested.
SELECT root, ingested_at IS NOT NULL FROM catalogs
