-- name: count_pending
-- How many photos a model still lacks vectors of.
SELECT pending FROM embedding_progress WHERE name = %(name)s

-- name: create_index
-- The HNSW index of a model, on the expression that photo_embeddings shows.
CREATE INDEX {index}
ON {partition} USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops)
WITH (m = {m}, ef_construction = {ef_construction})

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

-- name: delete_model
-- The row of a model that is dropped, and with it its jobs and evaluations.
DELETE FROM embedding_models WHERE model_id = %(model_id)s AND dropping

-- name: half_detached
-- The partition whose detachment was cut short, if there is one.
SELECT c.relname
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'embeddings'::regclass AND i.inhdetachpending

-- name: index_progress
-- How far the build has come: vectors in the graph, of those in the table.
SELECT p.tuples_done, greatest(c.reltuples, p.tuples_total)::bigint
FROM pg_stat_progress_create_index AS p
JOIN pg_class AS c ON c.oid = p.relid
WHERE p.datname = current_database() AND c.oid = to_regclass(%(partition)s)

-- name: index_state
-- Whether a model's index is usable; no row where the model has no partition.
SELECT coalesce(x.indisvalid, false) AS valid
FROM pg_class AS c
LEFT JOIN pg_index AS x ON x.indexrelid = to_regclass(%(index)s)
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
RETURNING *

-- name: list_models
-- The registered models, oldest first.
SELECT
    model_id, name, backbone, pooling, dimensions, input_size, preprocessing, weights_sha256,
    precision, created_at, active, dropping
FROM embedding_models
WHERE model_id > %(after)s::bigint
ORDER BY model_id
LIMIT %(limit)s

-- name: mark_dropping
-- Take a model out of use for good.
UPDATE embedding_models SET active = false, dropping = true WHERE model_id = %(model_id)s

-- name: partition_state
-- Whether a model's partition is attached; no row where it is gone.
SELECT i.inhrelid IS NOT NULL AS attached
FROM pg_class AS c
LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
WHERE c.oid = to_regclass(%(partition)s)

-- name: progress
-- How far each model has come.
SELECT name, active, items, embedded, pending, failed, percent FROM embedding_progress ORDER BY name

-- name: set_active
-- Make one model the active one, where none is.
UPDATE embedding_models SET active = true WHERE model_id = %(model_id)s

-- name: set_inactive
-- Let no model be active.
UPDATE embedding_models SET active = false WHERE active
