-- example_embeddings: the vectors of some products and their photos, as the active model has them.
SELECT e.item_id, e.embedding, i.image_sha256
FROM item_embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.item_id = ANY (%(item_ids)s)
