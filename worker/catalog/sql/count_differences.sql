-- count_differences: how many products there are on sale, with how many photos; how many of those
-- photos would go; how many products would be added, changed and removed.
SELECT stored.items, stored.photos, found.photos_lost, found.added, found.changed, found.removed
FROM (
    SELECT count(*) AS items, count(image_path) AS photos FROM items WHERE removed_at IS NULL
) AS stored
CROSS JOIN (
    SELECT
        count(*) FILTER (WHERE loses_photo) AS photos_lost,
        count(*) FILTER (WHERE kind = 'added') AS added,
        count(*) FILTER (WHERE kind = 'changed') AS changed,
        count(*) FILTER (WHERE kind = 'removed') AS removed
    FROM differences
) AS found
