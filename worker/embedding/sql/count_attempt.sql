-- count_attempt: choose the next batch and count the attempt. Photos that no worker has begun go
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
