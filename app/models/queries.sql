-- name: count_pending
-- How many photos are still to embed by a model.
SELECT pending FROM embedding_progress WHERE name = %(name)s

-- name: create_index
-- The HNSW index of a model, on the expression that photo_embeddings shows.
CREATE INDEX {index}
ON {partition} USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops)
WITH (m = {m}, ef_construction = {ef_construction})

-- name: create_partition
-- The partition of a model's vectors, complete before it is attached. The checks save ATTACH a scan
-- and refuse vectors of another length.
CREATE TABLE {partition} (
    LIKE embeddings INCLUDING ALL,
    CHECK (model_id = {model_id}),
    CHECK (vector_dims(embedding) = {dimensions})
);
ALTER TABLE embeddings ATTACH PARTITION {partition} FOR VALUES IN ({model_id});
COMMENT ON TABLE {partition} IS {comment};

-- name: delete_model
-- The row of a dropped model, and with it its jobs and evaluations.
DELETE FROM embedding_models WHERE model_id = %(model_id)s AND dropping

-- name: fetch_half_detached
-- The partition whose detachment was interrupted, if there is one.
SELECT c.relname
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'embeddings'::regclass AND i.inhdetachpending

-- name: fetch_index_progress
-- Progress of an index build: vectors in the graph, and vectors in the table.
SELECT p.tuples_done, greatest(c.reltuples, p.tuples_total)::bigint
FROM pg_stat_progress_create_index AS p
JOIN pg_class AS c ON c.oid = p.relid
WHERE p.datname = current_database() AND c.oid = to_regclass(%(partition)s)

-- name: fetch_index_state
-- Whether a model's index is valid; no row if the model has no partition.
SELECT coalesce(x.indisvalid, false) AS valid
FROM pg_class AS c
LEFT JOIN pg_index AS x ON x.indexrelid = to_regclass(%(index)s)
WHERE c.oid = to_regclass(%(partition)s)

-- name: fetch_partition_state
-- Whether a model's partition is attached; no row if it doesn't exist.
SELECT i.inhrelid IS NOT NULL AS attached
FROM pg_class AS c
LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
WHERE c.oid = to_regclass(%(partition)s)

-- name: insert_model
-- The row of a new model.
INSERT INTO embedding_models (
    name, backbone, pooling, dimensions, input_size, preprocessing, weights_sha256, precision,
    active
)
VALUES (
    %(name)s, %(backbone)s, %(pooling)s, %(dimensions)s, %(input_size)s, %(preprocessing)s,
    %(weights_sha256)s, %(precision)s, %(active)s
)
RETURNING
    model_id, name, backbone, pooling, dimensions, input_size, preprocessing, weights_sha256,
    precision, created_at, active, dropping

-- name: list_models
-- The registered models, oldest first.
SELECT
    model_id, name, backbone, pooling, dimensions, input_size, preprocessing, weights_sha256,
    precision, created_at, active, dropping
FROM embedding_models
WHERE model_id > %(after)s::bigint
ORDER BY model_id
LIMIT %(limit)s

-- name: list_progress
-- Progress of each model.
SELECT name, active, items, embedded, pending, failed, percent FROM embedding_progress ORDER BY name

-- name: mark_dropping
-- Mark a model as being dropped.
UPDATE embedding_models SET active = false, dropping = true WHERE model_id = %(model_id)s

-- name: set_active
-- Make a model active; none other may be.
UPDATE embedding_models SET active = true WHERE model_id = %(model_id)s

-- name: set_inactive
-- Make no model active.
UPDATE embedding_models SET active = false WHERE active
