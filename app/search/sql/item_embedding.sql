-- item_embedding: a product's vector and its photo, as the active model has it.
SELECT e.embedding, i.image_sha256
FROM item_embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.item_id = %(item_id)s
