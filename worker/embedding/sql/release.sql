-- release: give claimed jobs back as if they had not been begun.
UPDATE embedding_jobs
SET attempts = greatest(attempts - 1, 0)
WHERE model_id = %(model_id)s AND item_id = ANY (%(item_ids)s)
