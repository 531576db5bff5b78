-- give_up: set aside the jobs that every worker so far has died over.
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
