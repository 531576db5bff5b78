-- revive: queue the failed jobs again whose photo may be readable by now.
UPDATE embedding_jobs
SET state = 'pending', attempts = 0, last_error = NULL
WHERE model_id = %(model_id)s AND state = 'failed' AND retry_after <= now()
