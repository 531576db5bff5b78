-- name: count_jobs
-- Count the jobs in a state.
SELECT count(*) AS total FROM embedding_jobs WHERE state = %(state)s

-- name: count_pending
-- How many photos are still to embed by a model.
SELECT pending FROM embedding_progress WHERE name = %(name)s

-- name: count_queue
-- How many jobs of each model are due, wait for their next attempt or are with a worker, or failed.
SELECT
    m.name AS model,
    count(*) FILTER (WHERE j.state = 'pending' AND j.retry_after <= now()) AS due,
    count(*) FILTER (WHERE j.state = 'pending' AND j.retry_after > now()) AS waiting,
    count(*) FILTER (WHERE j.state = 'failed') AS failed
FROM embedding_models AS m
LEFT JOIN embedding_jobs AS j USING (model_id)
WHERE NOT m.dropping
GROUP BY m.name
ORDER BY m.name

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

-- name: list_jobs
-- Pending or failed jobs, with the reason. retry_after is null if only `jobs retry` or another
-- photo leads to a retry.
SELECT
    m.name AS model, j.item_id, i.sku, j.position, j.state, j.attempts, j.failures,
    nullif(j.retry_after, 'infinity') AS retry_after,
    j.last_error, p.reference
FROM embedding_jobs AS j
JOIN embedding_models AS m USING (model_id)
JOIN photos AS p USING (item_id, position)
JOIN items AS i USING (item_id)
WHERE j.state = %(state)s
ORDER BY m.name, j.item_id, j.position
LIMIT %(limit)s

-- name: list_latest_evaluations
-- The last evaluation of each model, of its neighbours or of its robustness.
SELECT name, gallery, queries, figures, evaluated_at
FROM (
    SELECT DISTINCT ON (e.model_id)
        e.model_id, m.name, e.gallery, e.queries, e.figures, e.evaluated_at
    FROM evaluations AS e
    JOIN embedding_models AS m USING (model_id)
    WHERE (e.figures ? 'robustness') = %(robustness)s
    ORDER BY e.model_id, e.evaluated_at DESC, e.evaluation_id DESC
) AS latest
ORDER BY model_id

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

-- name: list_reasons
-- Why photos failed, the most common reason first.
SELECT coalesce(j.last_error, '') AS reason, count(*) AS photos
FROM embedding_jobs AS j
WHERE j.state = 'failed'
GROUP BY reason
ORDER BY photos DESC, reason
LIMIT %(limit)s

-- name: list_states
-- Each model's progress, speed, and the state of its index. The counts equal embedding_progress;
-- here one scan of the vectors gives both them and the times. A build in progress is recognised by
-- its transaction's locks, which every role can see, unlike pg_stat_progress_create_index.
SELECT
    m.name, m.active, c.items, c.embedded, c.items - c.embedded - c.failed AS pending, c.failed,
    CASE WHEN c.items = 0 THEN 100.0 ELSE round(100.0 * c.embedded / c.items, 1) END
        ::double precision AS percent,
    c.per_minute, c.last_embedded_at,
    CASE
        WHEN x.indisvalid THEN 'valid'
        WHEN EXISTS (
            SELECT
            FROM pg_locks AS building
            JOIN pg_database AS d ON d.oid = building.database
            JOIN pg_locks AS held ON held.pid = building.pid
            WHERE building.locktype = 'advisory' AND building.granted
                AND d.datname = current_database()
                AND (building.classid::bigint << 32) | building.objid::bigint
                    = hashtext('lookalike index')
                AND held.relation = to_regclass('embeddings_' || m.model_id)
        ) THEN 'building'
        WHEN x.indexrelid IS NULL THEN 'missing'
        ELSE 'invalid'
    END AS index
FROM embedding_models AS m
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE listed) AS items,
        count(*) FILTER (WHERE listed AND e.image_sha256 = p.sha256) AS embedded,
        count(*) FILTER (
            WHERE listed AND j.state = 'failed' AND j.image_sha256 = p.sha256
                AND e.image_sha256 IS DISTINCT FROM p.sha256
        ) AS failed,
        count(*) FILTER (WHERE e.embedded_at > now() - interval '1 minute') AS per_minute,
        max(e.embedded_at) AS last_embedded_at
    FROM (SELECT item_id, removed_at IS NULL AS listed FROM items) AS i
    JOIN photos AS p USING (item_id)
    LEFT JOIN embeddings AS e
        ON e.model_id = m.model_id AND e.item_id = p.item_id AND e.position = p.position
    LEFT JOIN embedding_jobs AS j
        ON j.model_id = m.model_id AND j.item_id = p.item_id AND j.position = p.position
) AS c
LEFT JOIN pg_index AS x ON x.indexrelid = to_regclass('embeddings_' || m.model_id || '_hnsw')
WHERE NOT m.dropping
ORDER BY m.name

-- name: mark_dropping
-- Mark a model as being dropped.
UPDATE embedding_models SET active = false, dropping = true WHERE model_id = %(model_id)s

-- name: set_active
-- Make a model active; none other may be.
UPDATE embedding_models SET active = true WHERE model_id = %(model_id)s

-- name: set_inactive
-- Make no model active.
UPDATE embedding_models SET active = false WHERE active
