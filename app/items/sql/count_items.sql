-- count_items: how many products are on sale, have a photo, or left the catalog.
SELECT
    count(*) FILTER (WHERE removed_at IS NULL) AS items,
    count(image_path) FILTER (WHERE removed_at IS NULL) AS with_photo,
    count(removed_at) AS removed
FROM items
