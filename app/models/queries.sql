-- name: create_partition
-- The table of one model's vectors, complete before it joins the others.
-- The checks spare ATTACH a scan and catch a vector of another model's length.
CREATE TABLE {partition} (
    LIKE embeddings INCLUDING ALL,
    CHECK (model_id = {model_id}),
    CHECK (vector_dims(embedding) = {dimensions})
);
ALTER TABLE embeddings ATTACH PARTITION {partition} FOR VALUES IN ({model_id});
COMMENT ON TABLE {partition} IS {comment};

-- name: half_detached
-- The partition whose detachment was cut short, if there is one.
SELECT c.relname
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'embeddings'::regclass AND i.inhdetachpending

-- name: partition_state
-- No row without the table; else whether it is attached, or half detached.
SELECT i.inhrelid IS NOT NULL AS attached, coalesce(i.inhdetachpending, false) AS half_detached
FROM pg_class AS c
LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
WHERE c.oid = to_regclass(%(partition)s)

-- name: progress
-- How far each model has come.
SELECT name, active, items, embedded, pending, failed, percent FROM embedding_progress ORDER BY name

-- name: show_model
-- Let item_embeddings show one model's vectors, in a form that its index serves.
CREATE OR REPLACE VIEW item_embeddings AS
SELECT e.item_id, (e.embedding::halfvec({dimensions}))::halfvec AS embedding
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = {model_id} AND i.removed_at IS NULL AND i.image_path IS NOT NULL
