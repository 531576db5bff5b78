-- losses: how many products on sale, and how many of their photos, this ingest would take away.
SELECT
    count(*) AS items,
    count(*) FILTER (WHERE s.item_id IS NULL) AS items_lost,
    count(i.image_path) AS photos,
    count(i.image_path) FILTER (WHERE s.image_path IS NULL) AS photos_lost
FROM items AS i
LEFT JOIN staged_items AS s USING (item_id)
WHERE i.removed_at IS NULL
