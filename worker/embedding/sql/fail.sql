-- fail: a photo that can't be embedded waits, with its reason, for somebody to mend it.
UPDATE embedding_jobs
SET state = 'failed', last_error = %(reason)s
WHERE model_id = %(model_id)s AND item_id = %(item_id)s
