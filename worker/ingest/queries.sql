-- name: add
-- Store the staged products that are new.
INSERT INTO items (
    item_id, gender, master_category, sub_category, article_type, base_colour, season, year, usage,
    product_display_name, brand_name, price, discounted_price, details, image_path, image_sha256,
    image_width, image_height
)
SELECT s.*
FROM staged_items AS s
JOIN differences AS d ON d.item_id = s.item_id
WHERE d.kind = 'added'

-- name: change
-- Bring stored products up to what is staged; one that had left is on sale again.
UPDATE items AS i SET
    gender = s.gender,
    master_category = s.master_category,
    sub_category = s.sub_category,
    article_type = s.article_type,
    base_colour = s.base_colour,
    season = s.season,
    year = s.year,
    usage = s.usage,
    product_display_name = s.product_display_name,
    brand_name = s.brand_name,
    price = s.price,
    discounted_price = s.discounted_price,
    details = s.details,
    image_path = s.image_path,
    image_sha256 = s.image_sha256,
    image_width = s.image_width,
    image_height = s.image_height,
    updated_at = now(),
    removed_at = NULL
FROM staged_items AS s
JOIN differences AS d ON d.item_id = s.item_id
WHERE d.kind = 'changed' AND i.item_id = s.item_id

-- name: compare
-- Note each product that is staged otherwise than it is stored. One pass over both; what
-- did not change is neither written nor locked.
CREATE TEMPORARY TABLE differences ON COMMIT DROP AS
SELECT
    item_id,
    CASE WHEN i.item_id IS NULL THEN 'added' WHEN s.item_id IS NULL THEN 'removed' ELSE 'changed' END
        AS kind,
    i.removed_at IS NULL AND i.image_path IS NOT NULL AND s.image_path IS NULL AS loses_photo
FROM items AS i
FULL JOIN staged_items AS s USING (item_id)
WHERE CASE
    WHEN i.item_id IS NULL THEN true
    WHEN s.item_id IS NULL THEN i.removed_at IS NULL
    WHEN i.removed_at IS NOT NULL THEN true
    ELSE (
        i.gender, i.master_category, i.sub_category, i.article_type, i.base_colour, i.season,
        i.year, i.usage, i.product_display_name, i.brand_name, i.price, i.discounted_price,
        i.details, i.image_path, i.image_sha256, i.image_width, i.image_height
    ) IS DISTINCT FROM (
        s.gender, s.master_category, s.sub_category, s.article_type, s.base_colour, s.season,
        s.year, s.usage, s.product_display_name, s.brand_name, s.price, s.discounted_price,
        s.details, s.image_path, s.image_sha256, s.image_width, s.image_height
    )
END

-- name: copy_staged
-- Load the staging table.
COPY staged_items (
    item_id, gender, master_category, sub_category, article_type, base_colour, season, year, usage,
    product_display_name, brand_name, price, discounted_price, details, image_path, image_sha256,
    image_width, image_height
) FROM STDIN

-- name: count_differences
-- How many products there are on sale, with how many photos; how many of those
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

-- name: remember_root
-- Where the photos lie, and when we last looked.
INSERT INTO catalogs (root, ingested_at)
VALUES (%(root)s, now())
ON CONFLICT (catalog_id) DO UPDATE SET root = excluded.root, ingested_at = excluded.ingested_at

-- name: remove
-- Take the products off sale that are no longer staged.
UPDATE items AS i
SET removed_at = now(), updated_at = now()
FROM differences AS d
WHERE d.kind = 'removed' AND i.item_id = d.item_id

-- name: stage
-- Where an ingest collects the catalog before it compares it with the items.
CREATE TEMPORARY TABLE staged_items ON COMMIT DROP AS
SELECT
    item_id, gender, master_category, sub_category, article_type, base_colour, season, year, usage,
    product_display_name, brand_name, price, discounted_price, details, image_path, image_sha256,
    image_width, image_height
FROM items
WITH NO DATA
