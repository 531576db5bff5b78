-- claim: hold the batch until the end of the transaction, and see what is still to do for it.
SELECT
    j.item_id,
    i.image_path,
    i.image_sha256,
    i.removed_at IS NULL
        AND i.image_path IS NOT NULL
        AND e.image_sha256 IS DISTINCT FROM i.image_sha256 AS needed
FROM embedding_jobs AS j
JOIN items AS i USING (item_id)
LEFT JOIN embeddings AS e ON e.model_id = j.model_id AND e.item_id = j.item_id
WHERE j.model_id = %(model_id)s AND j.item_id = ANY (%(item_ids)s) AND j.state = 'pending'
ORDER BY j.item_id
FOR UPDATE OF j SKIP LOCKED
