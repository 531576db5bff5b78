-- pending: how many jobs of a model can be worked on now.
SELECT count(*)
FROM embedding_jobs
WHERE model_id = %(model_id)s AND state = 'pending' AND retry_after <= now()
