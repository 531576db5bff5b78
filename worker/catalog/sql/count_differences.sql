-- count_differences: how many products there are on sale, with how many photos; how many of those
-- photos would go; how many products would be added, changed and removed.
SELECT
    (SELECT count(*) FROM items WHERE removed_at IS NULL) AS items,
    (SELECT count(image_path) FROM items WHERE removed_at IS NULL) AS photos,
    count(*) FILTER (WHERE loses_photo) AS photos_lost,
    count(*) FILTER (WHERE kind = 'added') AS added,
    count(*) FILTER (WHERE kind = 'changed') AS changed,
    count(*) FILTER (WHERE kind = 'removed') AS removed
FROM differences
