-- name: copy_neighbours
-- Take a model's neighbours in.
COPY neighbours (model_id, item_id, rank, neighbour_id, similarity) FROM STDIN (FORMAT binary)

-- name: delete_neighbours
-- Delete a model's neighbours.
DELETE FROM neighbours WHERE model_id = %(model_id)s

-- name: fetch_photos
-- A model's vectors of all photos of listed products, in the order in which ties are broken.
SELECT e.item_id, i.sku, i.available, e.embedding
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = %(model_id)s AND i.removed_at IS NULL
ORDER BY e.item_id, e.position
