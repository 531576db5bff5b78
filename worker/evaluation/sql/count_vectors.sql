-- count_vectors: how many products on sale have a vector of a model.
SELECT count(*)
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = %(model_id)s AND i.removed_at IS NULL AND i.image_path IS NOT NULL
