-- name: stage_items
-- Where an ingest collects products before it compares them with the items.
CREATE TEMPORARY TABLE staged_items ON COMMIT DROP AS
SELECT {columns} FROM items WITH NO DATA

-- name: stage_photos
-- Where an ingest collects photos before it compares them with those stored.
CREATE TEMPORARY TABLE staged_photos ON COMMIT DROP AS
SELECT i.sku, p.position, p.reference, p.sha256, p.width, p.height, p.validator
FROM items AS i
JOIN photos AS p USING (item_id)
WITH NO DATA

-- name: copy_items
-- Load the staging table of products.
COPY staged_items ({columns}) FROM STDIN

-- name: copy_photos
-- Load the staging table of photos.
COPY staged_photos (sku, position, reference, sha256, width, height, validator) FROM STDIN

-- name: fetch_photos
-- What is stored of the photos of some products, those of removed ones included.
SELECT i.sku, p.position, p.reference, p.sha256, p.width, p.height, p.validator
FROM items AS i
JOIN photos AS p USING (item_id)
WHERE i.sku = ANY(%(skus)s)

-- name: analyze_staged
-- Fresh tables have no statistics, and a planner without any may join them row by row.
ANALYZE staged_items (sku), staged_photos (sku, position)

-- name: list_differences
-- Where the products are noted that are staged otherwise than they are stored.
CREATE TEMPORARY TABLE differences (sku text, item_id bigint, kind text) ON COMMIT DROP

-- name: list_photo_differences
-- Where the photos are noted that are staged otherwise than they are stored.
-- visible: not only what says that the file is unchanged.
CREATE TEMPORARY TABLE photo_differences (
    sku text, position smallint, item_id bigint, kind text, visible boolean
) ON COMMIT DROP

-- name: compare_photos
-- Note how the photos of the staged products differ. One pass over both.
INSERT INTO photo_differences (sku, position, item_id, kind, visible)
SELECT
    sku,
    position,
    p.item_id,
    CASE WHEN p.item_id IS NULL THEN 'added' WHEN s.reference IS NULL THEN 'removed' ELSE 'changed' END,
    (p.reference, p.sha256) IS DISTINCT FROM (s.reference, s.sha256)
FROM (
    SELECT i.sku, p.*
    FROM photos AS p
    JOIN items AS i USING (item_id)
    JOIN staged_items AS t ON t.sku = i.sku
) AS p
FULL JOIN staged_photos AS s USING (sku, position)
WHERE
    (p.reference, p.sha256, p.width, p.height, p.validator)
    IS DISTINCT FROM (s.reference, s.sha256, s.width, s.height, s.validator)

-- name: compare_items
-- Note how the products differ. One pass over both; what did not change is neither written
-- nor locked.
INSERT INTO differences (sku, item_id, kind)
SELECT
    sku,
    i.item_id,
    CASE WHEN i.item_id IS NULL THEN 'added' WHEN s.sku IS NULL THEN 'removed' ELSE 'changed' END
FROM items AS i
{join} staged_items AS s USING (sku)
WHERE CASE
    WHEN i.item_id IS NULL THEN true
    WHEN s.sku IS NULL THEN i.removed_at IS NULL
    WHEN i.removed_at IS NOT NULL THEN true
    WHEN ROW({stored}) IS DISTINCT FROM ROW({staged}) THEN true
    ELSE s.sku IN (SELECT d.sku FROM photo_differences AS d WHERE d.visible)
END

-- name: count_differences
-- How many products would be added, changed and removed, and how many photos would go from
-- products that stay.
SELECT
    count(*) FILTER (WHERE kind = 'added'),
    count(*) FILTER (WHERE kind = 'changed'),
    count(*) FILTER (WHERE kind = 'removed'),
    (SELECT count(*) FROM photo_differences WHERE kind = 'removed')
FROM differences

-- name: count_losses
-- How many products are listed, with how many photos, and how many of those photos would go:
-- by themselves, and with their products.
SELECT stored.items, stored.photos, lost.alone + lost.with_product
FROM (
    SELECT
        (SELECT count(*) FROM items WHERE removed_at IS NULL) AS items,
        (
            SELECT count(*) FROM photos JOIN items USING (item_id) WHERE removed_at IS NULL
        ) AS photos
) AS stored
CROSS JOIN (
    SELECT
        (
            SELECT count(*)
            FROM photo_differences AS d
            JOIN items AS i USING (item_id)
            WHERE d.kind = 'removed' AND i.removed_at IS NULL
        ) AS alone,
        (
            SELECT count(*)
            FROM differences AS d
            JOIN photos AS p USING (item_id)
            WHERE d.kind = 'removed'
        ) AS with_product
) AS lost

-- name: analyze_differences
-- As for the staged tables.
ANALYZE differences, photo_differences

-- name: add_items
-- Store the products that are new. A sku that is a number below 10^15 is the key itself.
INSERT INTO items (item_id, {columns})
SELECT
    CASE WHEN s.sku ~ '^[1-9][0-9]{{0,14}}$' THEN s.sku::bigint ELSE nextval('item_ids') END,
    {staged}
FROM staged_items AS s
JOIN differences AS d USING (sku)
WHERE d.kind = 'added'

-- name: change_items
-- Bring stored products up to what is staged; one that was removed is listed again.
UPDATE items AS i
SET updated_at = now(), removed_at = NULL{assignments}
FROM staged_items AS s
JOIN differences AS d USING (sku)
WHERE d.kind = 'changed' AND i.item_id = d.item_id

-- name: remove_items
-- Take the products out of the catalog that the source no longer has.
UPDATE items AS i
SET removed_at = now(), updated_at = now()
FROM differences AS d
WHERE d.kind = 'removed' AND i.item_id = d.item_id

-- name: add_photos
-- Store the photos that are new; the worker notices that they lack vectors.
INSERT INTO photos (item_id, position, reference, sha256, width, height, validator)
SELECT i.item_id, s.position, s.reference, s.sha256, s.width, s.height, s.validator
FROM staged_photos AS s
JOIN photo_differences AS d USING (sku, position)
JOIN items AS i USING (sku)
WHERE d.kind = 'added'

-- name: change_photos
-- Bring stored photos up to what is staged; their vectors stay until the new ones are written.
UPDATE photos AS p
SET
    reference = s.reference,
    sha256 = s.sha256,
    width = s.width,
    height = s.height,
    validator = s.validator
FROM staged_photos AS s
JOIN photo_differences AS d USING (sku, position)
WHERE d.kind = 'changed' AND (p.item_id, p.position) = (d.item_id, d.position)

-- name: remove_photo_jobs
-- Forget the jobs of photos that go; first of all, since that waits for whoever works on one.
DELETE FROM embedding_jobs AS j
USING photo_differences AS d
WHERE d.kind = 'removed' AND (j.item_id, j.position) = (d.item_id, d.position)

-- name: remove_photos
-- Delete the photos that left their products.
DELETE FROM photos AS p
USING photo_differences AS d
WHERE d.kind = 'removed' AND (p.item_id, p.position) = (d.item_id, d.position)

-- name: remove_photo_embeddings
-- Delete their vectors: a statement of its own, so that it sees what a worker wrote meanwhile.
DELETE FROM embeddings AS e
USING photo_differences AS d
WHERE d.kind = 'removed' AND (e.item_id, e.position) = (d.item_id, d.position)

-- name: analyze_items
-- After many changes, so that the next query is planned well.
ANALYZE items, photos

-- name: fetch_root
-- Where the photos are.
SELECT root FROM catalogs

-- name: count_available
-- Keep which share of the listed products is available: searches are planned by it.
UPDATE catalogs
SET available = coalesce(
    (SELECT avg(available::integer) FROM items WHERE removed_at IS NULL), 1
)

-- name: note_ingest
-- Say that the catalog is new, for those who follow it, and where its photos are.
UPDATE catalogs SET root = coalesce(%(root)s, root), ingested_at = now()

-- name: find_items
-- Which products some skus are; a row for each that there is.
SELECT sku, item_id FROM items WHERE sku = ANY(%(skus)s)

-- name: find_items_removed_before
-- Which products left the catalog before a date.
SELECT item_id FROM items WHERE removed_at < %(date)s

-- name: count_deletions
-- How many photos and vectors some products have.
SELECT
    (SELECT count(*) FROM photos WHERE item_id = ANY(%(ids)s)),
    (SELECT count(*) FROM embeddings WHERE item_id = ANY(%(ids)s))

-- name: delete_jobs
-- Forget the jobs of some products; first of all, since that waits for whoever works on one.
DELETE FROM embedding_jobs WHERE item_id = ANY(%(ids)s)

-- name: delete_photos
-- Delete the photos of some products.
DELETE FROM photos WHERE item_id = ANY(%(ids)s)

-- name: delete_embeddings
-- Delete the vectors of some products, of every model.
DELETE FROM embeddings WHERE item_id = ANY(%(ids)s)

-- name: delete_items
-- Delete some products.
DELETE FROM items WHERE item_id = ANY(%(ids)s)
