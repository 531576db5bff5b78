-- name: count_items
-- How many products are listed, have a photo, or left the catalog.
SELECT
    count(*) FILTER (WHERE i.removed_at IS NULL) AS items,
    count(*) FILTER (
        WHERE i.removed_at IS NULL AND EXISTS (SELECT FROM photos AS p WHERE p.item_id = i.item_id)
    ) AS with_photo,
    count(i.removed_at) AS removed
FROM items AS i

-- name: count_values
-- How many listed products with a photo match: in all (no facet), and by each value.
SELECT
    {facet} AS facet,
    {value} AS value,
    count(*) AS products
FROM filter_items(%(filter)s) AS i
WHERE (%(q)s::text IS NULL OR i.name_search @@ websearch_to_tsquery('english', %(q)s))
    AND EXISTS (SELECT FROM photos AS p WHERE p.item_id = i.item_id)
GROUP BY GROUPING SETS ({sets})
ORDER BY facet, value

-- name: fetch_catalog_state
-- Which steps from a catalog to similar items are done.
SELECT
    EXISTS (SELECT FROM items WHERE removed_at IS NULL) AS ingested,
    EXISTS (SELECT FROM photos JOIN items AS i USING (item_id) WHERE i.removed_at IS NULL) AS pictured,
    EXISTS (SELECT FROM photo_embeddings) AS embedded

-- name: fetch_examples
-- A product of each of the three most common kinds that can be searched for.
SELECT
    (array_agg(i.sku ORDER BY i.item_id))[1] AS sku,
    (array_agg(i.product_display_name ORDER BY i.item_id))[1] AS name
FROM item_embeddings AS e
JOIN items AS i USING (item_id)
GROUP BY {kind}
ORDER BY count(*) DESC, min(i.item_id)
LIMIT 3

-- name: fetch_item
-- One listed product with all its data.
SELECT {columns}, i.details, i.created_at, i.updated_at
FROM items AS i
WHERE (i.sku = %(sku)s::text OR i.item_id = %(item_id)s::bigint) AND i.removed_at IS NULL
ORDER BY i.sku = %(sku)s::text DESC
LIMIT 1

-- name: fetch_photo
-- A photo of a listed product: the one at a position, else its first; a row without a photo if
-- the product has none.
SELECT i.item_id, p.position, p.reference, p.sha256
FROM items AS i
LEFT JOIN photos AS p
    ON p.item_id = i.item_id
    AND (%(position)s::bigint IS NULL OR p.position = %(position)s::bigint)
WHERE (i.sku = %(sku)s::text OR i.item_id = %(item_id)s::bigint) AND i.removed_at IS NULL
ORDER BY i.sku = %(sku)s::text DESC, p.position
LIMIT 1

-- name: list_items
-- A page of listed products, by item_id, after the last one of the page before.
SELECT
    {columns},
    (SELECT min(p.position) FROM photos AS p WHERE p.item_id = i.item_id) AS photo_position
FROM filter_items(%(filter)s) AS i
WHERE (%(q)s::text IS NULL OR i.name_search @@ websearch_to_tsquery('english', %(q)s))
    AND (%(after)s::bigint IS NULL OR i.item_id > %(after)s)
    AND (NOT %(photo_only)s OR EXISTS (SELECT FROM photos AS p WHERE p.item_id = i.item_id))
ORDER BY i.item_id
LIMIT %(limit)s

-- name: list_photos
-- The photos of a product, the first one first.
SELECT position, width, height FROM photos WHERE item_id = %(item_id)s ORDER BY position
