-- name: count_items
-- How many products are listed, have a photo, or left the catalog.
SELECT
    count(*) FILTER (WHERE i.removed_at IS NULL) AS items,
    count(*) FILTER (
        WHERE i.removed_at IS NULL AND EXISTS (SELECT FROM photos AS p WHERE p.item_id = i.item_id)
    ) AS with_photo,
    count(i.removed_at) AS removed
FROM items AS i

-- name: count_facet
-- How many products of a relation have each value of one facet: the values that are asked for, then
-- the most frequent ones.
(
    SELECT {name} AS facet, v.value::text, count(*) AS products
    FROM (SELECT {value} AS value FROM {relation} AS i) AS v
    WHERE v.value IS NOT NULL
    GROUP BY v.value
    ORDER BY v.value::text = ANY ({wanted}::text[]) DESC, products DESC, v.value
    LIMIT %(most)s
)

-- name: count_facets
-- How many listed products with a photo match, in all (no facet) and by each value of each facet.
WITH matching AS MATERIALIZED ({matching})
SELECT NULL AS facet, NULL AS value, count(*) AS products FROM matching
UNION ALL
{facets}

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

-- name: fetch_ingest_time
-- When the last ingest was committed; null before the first.
SELECT ingested_at FROM catalogs

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

-- name: has_photo
-- A condition of list_items: the product has a photo.
EXISTS (SELECT FROM photos AS p WHERE p.item_id = i.item_id)

-- name: list_facet_values
-- The facets' columns of the listed products with a photo that match.
SELECT {columns}
FROM filter_items({filter}) AS i
WHERE (%(q)s::text IS NULL OR i.name_search @@ websearch_to_tsquery('english', %(q)s))
    AND EXISTS (SELECT FROM photos AS p WHERE p.item_id = i.item_id)

-- name: find_items
-- The listed products that have these keys, each with the number of its key, from 1.
SELECT
    q.number AS _number,
    {columns},
    p.position AS photo_position,
    p.sha256 AS _sha256
FROM unnest(%(skus)s::text[], %(item_ids)s::bigint[]) WITH ORDINALITY AS q (sku, item_id, number)
CROSS JOIN LATERAL (
    SELECT *
    FROM items AS found
    WHERE (found.sku = q.sku OR found.item_id = q.item_id) AND found.removed_at IS NULL
    ORDER BY found.sku = q.sku DESC
    LIMIT 1
) AS i
LEFT JOIN LATERAL (
    SELECT f.position, f.sha256 FROM photos AS f WHERE f.item_id = i.item_id ORDER BY f.position LIMIT 1
) AS p ON true

-- name: list_items
-- A page of listed products by a value of theirs, those without one last, after the last one of the
-- page before. Only those of the page are joined with their photos.
SELECT
    {columns},
    p.position AS photo_position,
    p.sha256 AS _sha256,
    i._key::text AS _key
FROM (
    SELECT i.*, {key} AS _key
    FROM filter_items(%(filter)s) AS i
    WHERE (%(q)s::text IS NULL OR i.name_search @@ websearch_to_tsquery('english', %(q)s))
        AND {condition}
        AND (
            %(after)s::bigint IS NULL
            OR {key} {beyond} %(key)s::{type}
            OR {key} = %(key)s::{type} AND i.item_id {beyond} %(after)s
            OR {key} IS NULL AND (%(key)s::{type} IS NOT NULL OR i.item_id {beyond} %(after)s)
        )
    ORDER BY {key} {direction} NULLS LAST, i.item_id {direction}
    LIMIT %(limit)s
) AS i
LEFT JOIN LATERAL (
    SELECT f.position, f.sha256 FROM photos AS f WHERE f.item_id = i.item_id ORDER BY f.position LIMIT 1
) AS p ON true
ORDER BY i._key {direction} NULLS LAST, i.item_id {direction}

-- name: list_photos
-- The photos of a product, the first one first.
SELECT position, width, height, sha256 FROM photos WHERE item_id = %(item_id)s ORDER BY position

-- name: list_values
-- The distinct values of one column that listed products have. The recursion jumps from value to value
-- in the column's index.
SELECT {name} AS name, d.value
FROM (
    WITH RECURSIVE each_value AS (
        (SELECT {column} AS value FROM items AS i WHERE {column} IS NOT NULL ORDER BY {column} LIMIT 1)
        UNION ALL
        SELECT (
            SELECT {column} FROM items AS i WHERE {column} > e.value ORDER BY {column} LIMIT 1
        )
        FROM each_value AS e
        WHERE e.value IS NOT NULL
    )
    SELECT e.value FROM each_value AS e WHERE e.value IS NOT NULL
) AS d
WHERE EXISTS (SELECT FROM items AS i WHERE {column} = d.value AND i.removed_at IS NULL)
