-- retry_jobs: give failed jobs whose reason contains a text another chance.
UPDATE embedding_jobs
SET state = 'pending', attempts = 0, retry_after = now()
WHERE state = 'failed' AND position(lower(%(reason)s) IN lower(coalesce(last_error, ''))) > 0
