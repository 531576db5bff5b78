-- next_products: the ids of products on sale with a photo, from one on.
SELECT i.item_id
FROM items AS i
WHERE i.removed_at IS NULL AND i.image_path IS NOT NULL AND i.item_id >= %(first)s
ORDER BY i.item_id
LIMIT %(limit)s
