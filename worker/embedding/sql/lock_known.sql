-- lock_known: hold the pending jobs whose very photo has a vector already, of another product: a
-- photo that was renamed, or that two products share.
SELECT j.item_id
FROM embedding_jobs AS j
WHERE j.model_id = %(model_id)s
    AND j.state = 'pending'
    AND EXISTS (
        SELECT FROM embeddings AS e
        WHERE e.model_id = j.model_id AND e.image_sha256 = j.image_sha256
    )
ORDER BY j.item_id
FOR UPDATE OF j SKIP LOCKED
