-- fail: a photo that can't be embedded waits, with its reason, for somebody to mend it; one that
-- can't be read is tried again, since that may mend itself.
UPDATE embedding_jobs
SET state = 'failed',
    last_error = %(reason)s,
    image_sha256 = %(image_sha256)s,
    retry_after = CASE WHEN %(may_pass)s THEN now() ELSE 'infinity' END
WHERE model_id = %(model_id)s AND item_id = %(item_id)s
