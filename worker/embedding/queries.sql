-- name: claim_jobs
-- Lock the chosen jobs until the end of the transaction, and check whether they are still needed.
-- It may wait for another worker, which locks more jobs while it chooses than it takes.
SELECT
    j.item_id,
    j.position,
    p.reference,
    p.sha256,
    i.removed_at IS NULL AND e.image_sha256 IS DISTINCT FROM p.sha256 AS needed
FROM unnest(%(item_ids)s::bigint[], %(positions)s::smallint[]) AS chosen (item_id, position)
JOIN embedding_jobs AS j USING (item_id, position)
JOIN photos AS p USING (item_id, position)
JOIN items AS i USING (item_id)
LEFT JOIN embeddings AS e
    ON e.model_id = j.model_id AND e.item_id = j.item_id AND e.position = j.position
WHERE j.model_id = %(model_id)s AND j.state = 'pending'
ORDER BY j.item_id, j.position
FOR UPDATE OF j

-- name: choose_jobs
-- Choose the next batch and count the attempt. retry_after keeps other workers away until the jobs
-- are claimed.
WITH batch AS (
    SELECT model_id, item_id, position
    FROM embedding_jobs
    WHERE model_id = %(model_id)s AND state = 'pending' AND retry_after <= now()
        AND attempts BETWEEN %(least_attempts)s AND %(most_attempts)s
    ORDER BY attempts, item_id, position
    LIMIT %(batch_size)s
    FOR UPDATE SKIP LOCKED
)
UPDATE embedding_jobs AS j
SET attempts = j.attempts + 1,
    retry_after = now() + make_interval(secs => %(retry_seconds)s * 2 ^ j.attempts)
FROM batch
WHERE j.model_id = batch.model_id AND j.item_id = batch.item_id AND j.position = batch.position
RETURNING j.item_id, j.position

-- name: copy_vectors
-- Copy vectors between photos, in one statement since two photos may have swapped places. A vector
-- that another worker has replaced meanwhile is left out.
INSERT INTO embeddings (model_id, item_id, position, embedding, image_sha256)
SELECT DISTINCT ON (c.item_id, c.position)
    e.model_id, c.item_id, c.position, e.embedding, e.image_sha256
FROM unnest(
    %(item_ids)s::bigint[], %(positions)s::smallint[],
    %(source_ids)s::bigint[], %(source_positions)s::smallint[], %(hashes)s::text[]
) AS c (item_id, position, source_id, source_position, image_sha256)
JOIN embeddings AS e
    ON e.model_id = %(model_id)s AND e.item_id = c.source_id AND e.position = c.source_position
        AND e.image_sha256 = c.image_sha256
ORDER BY c.item_id, c.position
ON CONFLICT (item_id, position, model_id) DO UPDATE
SET embedding = excluded.embedding, image_sha256 = excluded.image_sha256, embedded_at = now()
RETURNING item_id, position

-- name: count_backlog
-- Count a model's pending jobs, including those that other workers have claimed.
SELECT count(*) FROM embedding_jobs WHERE model_id = %(model_id)s AND state = 'pending'

-- name: delete_needless_jobs
-- Delete jobs that are no longer needed: product removed, or vector current.
DELETE FROM embedding_jobs
WHERE (model_id, item_id, position) IN (
    SELECT j.model_id, j.item_id, j.position
    FROM embedding_jobs AS j
    JOIN photos AS p USING (item_id, position)
    JOIN items AS i USING (item_id)
    LEFT JOIN embeddings AS e
        ON e.model_id = j.model_id AND e.item_id = j.item_id AND e.position = j.position
    WHERE j.model_id = %(model_id)s
        AND (i.removed_at IS NOT NULL OR e.image_sha256 = p.sha256)
    ORDER BY j.item_id, j.position
    FOR UPDATE OF j SKIP LOCKED
)

-- name: delete_vectors
-- Delete the vectors that a batch is about to replace.
DELETE FROM embeddings AS e
USING unnest(%(item_ids)s::bigint[], %(positions)s::smallint[]) AS done (item_id, position)
WHERE e.model_id = %(model_id)s AND e.item_id = done.item_id AND e.position = done.position

-- name: fail_job
-- Mark a job as failed. It is retried, with growing delays, if its photo couldn't be read, but not
-- if the photo can't be decoded.
UPDATE embedding_jobs
SET state = 'failed',
    failures = least(failures + 1, 1000),
    last_error = %(reason)s,
    image_sha256 = %(image_sha256)s,
    retry_after = CASE
        WHEN %(may_pass)s
            THEN now() + least(interval '1 day', interval '1 min' * 2 ^ least(failures, 20))
        ELSE 'infinity'
    END
WHERE model_id = %(model_id)s AND item_id = %(item_id)s AND position = %(position)s

-- name: finish_jobs
-- Delete finished jobs.
DELETE FROM embedding_jobs AS j
USING unnest(%(item_ids)s::bigint[], %(positions)s::smallint[]) AS done (item_id, position)
WHERE j.model_id = %(model_id)s AND j.item_id = done.item_id AND j.position = done.position

-- name: get_ingested_at
-- The time of the last ingest.
SELECT ingested_at FROM catalogs

-- name: give_up_jobs
-- Fail the jobs over which too many workers have died.
UPDATE embedding_jobs
SET state = 'failed',
    retry_after = 'infinity',
    last_error = 'set aside: the worker ended before it was done, ' || attempts || ' times'
WHERE (model_id, item_id, position) IN (
    SELECT model_id, item_id, position
    FROM embedding_jobs
    WHERE model_id = %(model_id)s AND state = 'pending' AND retry_after <= now()
        AND attempts >= %(max_attempts)s
    FOR UPDATE SKIP LOCKED
)

-- name: hold_reusable_jobs
-- Lock the jobs of photos that are the same file as a photo with a vector, and return both photos.
-- The other photo may be queued too, if photos have changed places.
WITH sources AS (
    SELECT j.item_id, j.position, p.item_id AS source_id, p.position AS source_position
    FROM embedding_jobs AS j
    JOIN photos AS p ON p.sha256 = j.image_sha256
    JOIN embeddings AS e
        ON e.model_id = j.model_id AND e.item_id = p.item_id AND e.position = p.position
            AND e.image_sha256 = j.image_sha256
    WHERE j.model_id = %(model_id)s AND j.state = 'pending'
    UNION
    SELECT j.item_id, j.position, e.item_id, e.position
    FROM embedding_jobs AS other
    JOIN embeddings AS e USING (model_id, item_id, position)
    JOIN embedding_jobs AS j ON j.model_id = e.model_id AND j.image_sha256 = e.image_sha256
    WHERE other.model_id = %(model_id)s AND j.state = 'pending'
)
SELECT j.item_id, j.position, s.source_id, s.source_position, j.image_sha256
FROM embedding_jobs AS j
JOIN sources AS s USING (item_id, position)
WHERE j.model_id = %(model_id)s AND j.state = 'pending'
ORDER BY j.item_id, j.position
FOR UPDATE OF j SKIP LOCKED

-- name: list_backlogs
-- Count the queued and the failed photos of each model.
SELECT
    m.name,
    count(*) FILTER (WHERE j.state = 'pending') AS pending,
    count(*) FILTER (WHERE j.state = 'failed') AS failed
FROM embedding_models AS m
LEFT JOIN embedding_jobs AS j USING (model_id)
GROUP BY m.name
ORDER BY m.name

-- name: queue_photos
-- Queue every photo that lacks a current vector of a model; a failed job is queued again if its
-- photo has changed. Other jobs are not touched, since that would wait for their workers.
INSERT INTO embedding_jobs AS queued (model_id, item_id, position, image_sha256)
SELECT %(model_id)s, p.item_id, p.position, p.sha256
FROM items AS i
JOIN photos AS p USING (item_id)
LEFT JOIN embeddings AS e
    ON e.model_id = %(model_id)s AND e.item_id = p.item_id AND e.position = p.position
LEFT JOIN embedding_jobs AS j
    ON j.model_id = %(model_id)s AND j.item_id = p.item_id AND j.position = p.position
WHERE i.removed_at IS NULL
    AND e.image_sha256 IS DISTINCT FROM p.sha256
    AND j.image_sha256 IS DISTINCT FROM p.sha256
ORDER BY p.item_id, p.position
ON CONFLICT (model_id, item_id, position) DO UPDATE
SET state = 'pending', attempts = 0, failures = 0, retry_after = now(), last_error = NULL,
    image_sha256 = excluded.image_sha256
WHERE queued.image_sha256 <> excluded.image_sha256

-- name: record_precision
-- Record the precision that a model's first worker has chosen.
UPDATE embedding_models
SET precision = %(precision)s
WHERE model_id = %(model_id)s AND precision = 'auto'

-- name: refund_attempts
-- Uncount an attempt of jobs, and make them due; those that another worker has by now are skipped.
UPDATE embedding_jobs
SET attempts = greatest(attempts - 1, 0), retry_after = now()
WHERE (model_id, item_id, position) IN (
    SELECT j.model_id, j.item_id, j.position
    FROM unnest(%(item_ids)s::bigint[], %(positions)s::smallint[]) AS begun (item_id, position)
    JOIN embedding_jobs AS j USING (item_id, position)
    WHERE j.model_id = %(model_id)s AND j.state = 'pending'
    FOR UPDATE OF j SKIP LOCKED
)

-- name: retry_jobs
-- Queue failed jobs again whose reason contains a text.
UPDATE embedding_jobs
SET state = 'pending', attempts = 0, failures = 0, retry_after = now()
WHERE state = 'failed' AND position(lower(%(reason)s) IN lower(coalesce(last_error, ''))) > 0

-- name: revive_jobs
-- Queue failed jobs again whose photos couldn't be read: those that are due, or all.
UPDATE embedding_jobs
SET state = 'pending', attempts = 0, retry_after = now()
WHERE model_id = %(model_id)s AND state = 'failed'
    AND (retry_after <= now() OR (%(early)s AND retry_after < 'infinity'))

-- name: set_timeouts
-- In this transaction, lift the timeouts of statements, and set one for idleness, so that the batch
-- of a worker whose machine has vanished is released.
SELECT set_config(
    name,
    CASE name
        WHEN 'idle_in_transaction_session_timeout' THEN %(idle_timeout)s
        ELSE '0'
    END,
    true
)
FROM pg_settings
WHERE name IN (
    'idle_in_transaction_session_timeout',
    'lock_timeout',
    'statement_timeout',
    'transaction_timeout'
)

-- name: write_vectors
-- Write the vectors of a batch.
COPY embeddings (model_id, item_id, position, embedding, image_sha256)
FROM STDIN (FORMAT binary)
