-- reconcile: queue every photo that lacks a current vector of a model; a failed job comes back
-- when its photo has changed. Jobs that stand as they should are left alone: touching them would
-- wait for the workers that have them.
INSERT INTO embedding_jobs AS queued (model_id, item_id, image_sha256)
SELECT %(model_id)s, i.item_id, i.image_sha256
FROM items AS i
LEFT JOIN embeddings AS e ON e.model_id = %(model_id)s AND e.item_id = i.item_id
LEFT JOIN embedding_jobs AS j ON j.model_id = %(model_id)s AND j.item_id = i.item_id
WHERE i.removed_at IS NULL
    AND i.image_path IS NOT NULL
    AND e.image_sha256 IS DISTINCT FROM i.image_sha256
    AND j.image_sha256 IS DISTINCT FROM i.image_sha256
ORDER BY i.item_id
ON CONFLICT (model_id, item_id) DO UPDATE
SET state = 'pending', attempts = 0, retry_after = now(), last_error = NULL,
    image_sha256 = excluded.image_sha256
WHERE queued.image_sha256 <> excluded.image_sha256
