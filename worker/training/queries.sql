-- name: products
-- What is on sale and has a photo, with its labels.
SELECT item_id, image_path, article_type, base_colour, sub_category, gender, season, usage
FROM items
WHERE removed_at IS NULL AND image_path IS NOT NULL
ORDER BY item_id
