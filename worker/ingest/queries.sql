-- name: stage_items
-- Create the table for products to be compared with the stored ones.
CREATE TEMPORARY TABLE staged_items ON COMMIT DROP AS
SELECT {columns} FROM items WITH NO DATA

-- name: stage_photos
-- Create the table for photos to be compared with the stored ones.
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
-- The stored photos of some products, removed ones included.
SELECT i.sku, p.position, p.reference, p.sha256, p.width, p.height, p.validator
FROM items AS i
JOIN photos AS p USING (item_id)
WHERE i.sku = ANY(%(skus)s)

-- name: analyze_staged
-- Without statistics the planner may choose nested loops for the new tables.
ANALYZE staged_items (sku), staged_photos (sku, position)

-- name: list_differences
-- Create the table of products whose staged and stored rows differ.
CREATE TEMPORARY TABLE differences (sku text, item_id bigint, kind text) ON COMMIT DROP

-- name: list_photo_differences
-- Create the table of photos whose staged and stored rows differ.
-- visible: they differ not only in the validator.
CREATE TEMPORARY TABLE photo_differences (
    sku text, position smallint, item_id bigint, kind text, visible boolean
) ON COMMIT DROP

-- name: compare_photos
-- Find the differences in the staged products' photos, in one pass over both.
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
-- Find the products that differ, in one pass over both. Unchanged ones are neither written nor
-- locked.
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
-- Count the products to add, change and remove, and the photos to remove from products that
-- remain.
SELECT
    count(*) FILTER (WHERE kind = 'added'),
    count(*) FILTER (WHERE kind = 'changed'),
    count(*) FILTER (WHERE kind = 'removed'),
    (SELECT count(*) FROM photo_differences WHERE kind = 'removed')
FROM differences

-- name: count_losses
-- Count the listed products, their photos, and the photos that would be removed, with or without
-- their products.
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
-- For the same reason as analyze_staged.
ANALYZE differences, photo_differences

-- name: add_items
-- Insert new products. A sku that is a number below 10^15 becomes the item_id. In its order the
-- primary key grows at its end.
INSERT INTO items (item_id, {columns})
SELECT
    CASE WHEN s.sku ~ '^[1-9][0-9]{{0,14}}$' THEN s.sku::bigint ELSE nextval('item_ids') END,
    {staged}
FROM staged_items AS s
JOIN differences AS d USING (sku)
WHERE d.kind = 'added'
ORDER BY 1

-- name: change_items
-- Update changed products; one that was removed is listed again.
UPDATE items AS i
SET updated_at = now(), removed_at = NULL{assignments}
FROM staged_items AS s
JOIN differences AS d USING (sku)
WHERE d.kind = 'changed' AND i.item_id = d.item_id

-- name: remove_items
-- Remove the products that the source no longer has from the catalog.
UPDATE items AS i
SET removed_at = now(), updated_at = now()
FROM differences AS d
WHERE d.kind = 'removed' AND i.item_id = d.item_id

-- name: add_photos
-- Insert new photos; the worker notices that they lack vectors.
INSERT INTO photos (item_id, position, reference, sha256, width, height, validator)
SELECT i.item_id, s.position, s.reference, s.sha256, s.width, s.height, s.validator
FROM staged_photos AS s
JOIN photo_differences AS d USING (sku, position)
JOIN items AS i USING (sku)
WHERE d.kind = 'added'

-- name: change_photos
-- Update changed photos; their vectors stay until the new ones are written.
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
-- Delete the jobs of removed photos, first, since this waits for workers that have locked one.
DELETE FROM embedding_jobs AS j
USING photo_differences AS d
WHERE d.kind = 'removed' AND (j.item_id, j.position) = (d.item_id, d.position)

-- name: remove_photos
-- Delete removed photos.
DELETE FROM photos AS p
USING photo_differences AS d
WHERE d.kind = 'removed' AND (p.item_id, p.position) = (d.item_id, d.position)

-- name: remove_photo_embeddings
-- Delete their vectors, in a later statement, so that it sees what a worker wrote meanwhile.
DELETE FROM embeddings AS e
USING photo_differences AS d
WHERE d.kind = 'removed' AND (e.item_id, e.position) = (d.item_id, d.position)

-- name: analyze_items
-- Refresh the statistics after many changes.
ANALYZE items, photos

-- name: fetch_root
-- The root of relative photo references.
SELECT root FROM catalogs

-- name: count_available
-- Store the share of listed products that are available, by which searches are planned.
UPDATE catalogs
SET available = coalesce(
    (SELECT avg(available::integer) FROM items WHERE removed_at IS NULL), 1
)

-- name: note_ingest
-- Store the time of the ingest, for `embed --follow`, and the root of the photos.
UPDATE catalogs SET root = coalesce(%(root)s, root), ingested_at = now()

-- name: find_items
-- The products with some skus.
SELECT sku, item_id FROM items WHERE sku = ANY(%(skus)s)

-- name: find_items_removed_before
-- The products removed before a date.
SELECT item_id FROM items WHERE removed_at < %(date)s

-- name: count_deletions
-- Count the photos and vectors of some products.
SELECT
    (SELECT count(*) FROM photos WHERE item_id = ANY(%(ids)s)),
    (SELECT count(*) FROM embeddings WHERE item_id = ANY(%(ids)s))

-- name: delete_jobs
-- Delete the jobs of some products, first, since this waits for workers that have locked one.
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
