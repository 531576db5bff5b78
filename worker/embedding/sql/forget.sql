-- forget: drop the jobs that nobody needs any more: product or photo gone, or vector current.
DELETE FROM embedding_jobs
WHERE (model_id, item_id) IN (
    SELECT j.model_id, j.item_id
    FROM embedding_jobs AS j
    JOIN items AS i USING (item_id)
    LEFT JOIN embeddings AS e ON e.model_id = j.model_id AND e.item_id = j.item_id
    WHERE j.model_id = %(model_id)s
        AND (
            i.removed_at IS NOT NULL
            OR i.image_path IS NULL
            OR e.image_sha256 = i.image_sha256
        )
    ORDER BY j.item_id
    FOR UPDATE OF j SKIP LOCKED
)
