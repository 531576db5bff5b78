-- name: backlog
-- How many photos of each model are queued, and how many failed.
SELECT
    m.name,
    count(*) FILTER (WHERE j.state = 'pending') AS pending,
    count(*) FILTER (WHERE j.state = 'failed') AS failed
FROM embedding_models AS m
LEFT JOIN embedding_jobs AS j USING (model_id)
GROUP BY m.name
ORDER BY m.name

-- name: claim
-- Hold the batch until the end of the transaction, and see what is still to do for it.
SELECT
    j.item_id,
    i.image_path,
    i.image_sha256,
    i.removed_at IS NULL
        AND i.image_path IS NOT NULL
        AND e.image_sha256 IS DISTINCT FROM i.image_sha256 AS needed
FROM embedding_jobs AS j
JOIN items AS i USING (item_id)
LEFT JOIN embeddings AS e ON e.model_id = j.model_id AND e.item_id = j.item_id
WHERE j.model_id = %(model_id)s AND j.item_id = ANY (%(item_ids)s) AND j.state = 'pending'
ORDER BY j.item_id
FOR UPDATE OF j SKIP LOCKED

-- name: collect_known
-- The vectors that the held jobs ask for. Set aside before any is replaced, since
-- two products may have swapped their photos.
CREATE TEMPORARY TABLE known_vectors ON COMMIT DROP AS
SELECT DISTINCT ON (j.item_id) j.item_id, e.embedding, e.image_sha256
FROM embedding_jobs AS j
JOIN embeddings AS e ON e.model_id = j.model_id AND e.image_sha256 = j.image_sha256
WHERE j.model_id = %(model_id)s AND j.item_id = ANY (%(item_ids)s)
ORDER BY j.item_id

-- name: count_attempt
-- Choose the next batch and count the attempt. Photos that no worker has begun go
-- many at once; one that a worker has died over goes alone, so as to harm no other.
WITH batch AS (
    SELECT model_id, item_id
    FROM embedding_jobs
    WHERE model_id = %(model_id)s AND state = 'pending' AND retry_after <= now()
        AND attempts BETWEEN %(least_attempts)s AND %(most_attempts)s
    ORDER BY attempts, item_id
    LIMIT %(batch_size)s
    FOR UPDATE SKIP LOCKED
)
UPDATE embedding_jobs AS j
SET attempts = j.attempts + 1
FROM batch
WHERE j.model_id = batch.model_id AND j.item_id = batch.item_id
RETURNING j.item_id

-- name: count_jobs
-- How many jobs are in a state.
SELECT count(*) AS total FROM embedding_jobs WHERE state = %(state)s

-- name: create_index
-- The HNSW index of a model, on the expression that item_embeddings shows.
CREATE INDEX CONCURRENTLY {index}
ON {partition} USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops)
WITH (m = {m}, ef_construction = {ef_construction})

-- name: fail
-- A photo that can't be embedded waits, with its reason, for somebody to mend it; one that
-- can't be read is tried again, since that may mend itself.
UPDATE embedding_jobs
SET state = 'failed',
    last_error = %(reason)s,
    image_sha256 = %(image_sha256)s,
    retry_after = CASE WHEN %(may_pass)s THEN now() ELSE 'infinity' END
WHERE model_id = %(model_id)s AND item_id = %(item_id)s

-- name: finish
-- A finished job is deleted.
DELETE FROM embedding_jobs WHERE model_id = %(model_id)s AND item_id = ANY (%(item_ids)s)

-- name: forget
-- Drop the jobs that nobody needs any more: product or photo gone, or vector current.
DELETE FROM embedding_jobs
WHERE (model_id, item_id) IN (
    SELECT j.model_id, j.item_id
    FROM embedding_jobs AS j
    JOIN items AS i USING (item_id)
    LEFT JOIN embeddings AS e ON e.model_id = j.model_id AND e.item_id = j.item_id
    WHERE j.model_id = %(model_id)s
        AND (
            i.removed_at IS NOT NULL
            OR i.image_path IS NULL
            OR e.image_sha256 = i.image_sha256
        )
    ORDER BY j.item_id
    FOR UPDATE OF j SKIP LOCKED
)

-- name: give_up
-- Set aside the jobs that every worker so far has died over.
UPDATE embedding_jobs
SET state = 'failed',
    retry_after = 'infinity',
    last_error = 'set aside: the worker ended before it was done, ' || attempts || ' times'
WHERE (model_id, item_id) IN (
    SELECT model_id, item_id
    FROM embedding_jobs
    WHERE model_id = %(model_id)s AND state = 'pending' AND attempts >= %(max_attempts)s
    FOR UPDATE SKIP LOCKED
)

-- name: index_progress
-- How far the build has come; tuples in the graph, of those in the table.
SELECT p.tuples_done, greatest(c.reltuples, p.tuples_total)::bigint
FROM pg_stat_progress_create_index AS p
JOIN pg_class AS c ON c.oid = p.relid
WHERE c.oid = to_regclass(%(partition)s)

-- name: index_state
-- Whether a model's index is usable, null where there is none; whether the model has
-- vectors.
SELECT
    (SELECT x.indisvalid FROM pg_index AS x WHERE x.indexrelid = to_regclass(%(index)s)) AS valid,
    EXISTS (SELECT FROM embeddings AS e WHERE e.model_id = %(model_id)s) AS filled

-- name: list_jobs
-- What waits or failed, with the reason; retry_after is null where only a person's word
-- or another photo brings a new try.
SELECT
    m.name AS model, j.item_id, j.state, j.attempts,
    nullif(j.retry_after, 'infinity') AS retry_after,
    j.last_error, i.image_path
FROM embedding_jobs AS j
JOIN embedding_models AS m USING (model_id)
JOIN items AS i USING (item_id)
WHERE j.state = %(state)s
ORDER BY m.name, j.item_id
LIMIT %(limit)s

-- name: lock
-- Choose a batch alone, so that no other worker counts an attempt of it before it is claimed.
-- A worker whose machine vanished gives its batch back when the server has waited long enough.
SELECT
    set_config('idle_in_transaction_session_timeout', %(patience)s, false),
    pg_advisory_lock(hashtext('lookalike claim'), %(model_id)s)

-- name: lock_known
-- Hold the pending jobs whose very photo has a vector already, of another product: a
-- photo that was renamed, or that two products share.
SELECT j.item_id
FROM embedding_jobs AS j
WHERE j.model_id = %(model_id)s
    AND j.state = 'pending'
    AND EXISTS (
        SELECT FROM embeddings AS e
        WHERE e.model_id = j.model_id AND e.image_sha256 = j.image_sha256
    )
ORDER BY j.item_id
FOR UPDATE OF j SKIP LOCKED

-- name: pending
-- How many jobs of a model can be worked on now.
SELECT count(*)
FROM embedding_jobs
WHERE model_id = %(model_id)s AND state = 'pending' AND retry_after <= now()

-- name: reconcile
-- Queue every photo that lacks a current vector of a model; a failed job comes back
-- when its photo has changed. Jobs that stand as they should are left alone: touching them would
-- wait for the workers that have them.
INSERT INTO embedding_jobs AS queued (model_id, item_id, image_sha256)
SELECT %(model_id)s, i.item_id, i.image_sha256
FROM items AS i
LEFT JOIN embeddings AS e ON e.model_id = %(model_id)s AND e.item_id = i.item_id
LEFT JOIN embedding_jobs AS j ON j.model_id = %(model_id)s AND j.item_id = i.item_id
WHERE i.removed_at IS NULL
    AND i.image_path IS NOT NULL
    AND e.image_sha256 IS DISTINCT FROM i.image_sha256
    AND j.image_sha256 IS DISTINCT FROM i.image_sha256
ORDER BY i.item_id
ON CONFLICT (model_id, item_id) DO UPDATE
SET state = 'pending', attempts = 0, retry_after = now(), last_error = NULL,
    image_sha256 = excluded.image_sha256
WHERE queued.image_sha256 <> excluded.image_sha256

-- name: record_precision
-- Say what the first worker of a model has settled on.
UPDATE embedding_models
SET precision = %(precision)s
WHERE model_id = %(model_id)s AND precision = 'auto'

-- name: release
-- Give claimed jobs back as if they had not been begun.
UPDATE embedding_jobs
SET attempts = greatest(attempts - 1, 0)
WHERE model_id = %(model_id)s AND item_id = ANY (%(item_ids)s)

-- name: replace
-- Take away the vectors that the batch is about to write anew.
DELETE FROM embeddings WHERE model_id = %(model_id)s AND item_id = ANY (%(item_ids)s)

-- name: retry_jobs
-- Give failed jobs whose reason contains a text another chance.
UPDATE embedding_jobs
SET state = 'pending', attempts = 0, retry_after = now()
WHERE state = 'failed' AND position(lower(%(reason)s) IN lower(coalesce(last_error, ''))) > 0

-- name: revive
-- Queue the failed jobs again whose photo may be readable by now.
UPDATE embedding_jobs
SET state = 'pending', attempts = 0, last_error = NULL
WHERE model_id = %(model_id)s AND state = 'failed' AND retry_after <= now()

-- name: status
-- How far each model has come, how fast it goes, and whether searches can use its index.
-- That a build is going on is told by its lock, which every role sees, unlike
-- pg_stat_progress_create_index. An invalid index without one is what a kill has left.
SELECT
    p.name, p.active, p.items, p.embedded, p.pending, p.failed, p.percent,
    v.per_minute, v.last_embedded_at,
    CASE
        WHEN x.indisvalid THEN 'valid'
        WHEN x.indexrelid IS NULL THEN 'missing'
        WHEN EXISTS (
            SELECT
            FROM pg_locks AS l
            JOIN pg_database AS d ON d.oid = l.database
            WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
                AND (l.classid::bigint << 32) | l.objid::bigint = hashtext('lookalike index')
        ) THEN 'building'
        ELSE 'invalid'
    END AS index
FROM embedding_progress AS p
JOIN embedding_models AS m USING (name)
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE e.embedded_at > now() - interval '1 minute') AS per_minute,
        max(e.embedded_at) AS last_embedded_at
    FROM embeddings AS e
    WHERE e.model_id = m.model_id
) AS v
LEFT JOIN pg_index AS x ON x.indexrelid = to_regclass('embeddings_' || m.model_id || '_hnsw')
ORDER BY p.name

-- name: unlock
-- Let the next worker choose.
SELECT pg_advisory_unlock(hashtext('lookalike claim'), %(model_id)s)

-- name: write
-- The vectors of a batch.
COPY embeddings (model_id, item_id, embedding, image_sha256) FROM STDIN (FORMAT binary)

-- name: write_known
-- Store the vectors that were set aside.
INSERT INTO embeddings (model_id, item_id, embedding, image_sha256)
SELECT %(model_id)s, item_id, embedding, image_sha256 FROM known_vectors
