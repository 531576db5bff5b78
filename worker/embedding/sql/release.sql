-- release: give claimed jobs back as if they had not been begun.
UPDATE embedding_jobs
SET attempts = attempts - 1
WHERE model_id = %(model_id)s AND item_id = ANY (%(item_ids)s)
