-- item_state: all that decides whether a product can be searched for, and what to compare with.
SELECT
    m.name AS model,
    i.item_id IS NOT NULL AS known,
    i.removed_at IS NOT NULL AS removed,
    i.image_path IS NOT NULL AS has_photo,
    e.embedding,
    i.image_sha256,
    j.last_error
FROM (VALUES (%(item_id)s::bigint)) AS q (item_id)
LEFT JOIN embedding_models AS m ON m.active
LEFT JOIN items AS i ON i.item_id = q.item_id
LEFT JOIN item_embeddings AS e ON e.item_id = q.item_id
LEFT JOIN embedding_jobs AS j
    ON j.item_id = q.item_id AND j.model_id = m.model_id AND j.state = 'failed'
