-- name: catalog_state
-- How far the way from a catalog to similar items has come.
SELECT
    EXISTS (SELECT FROM items WHERE removed_at IS NULL) AS ingested,
    EXISTS (SELECT FROM items WHERE removed_at IS NULL AND image_path IS NOT NULL) AS pictured,
    EXISTS (SELECT FROM item_embeddings) AS embedded

-- name: count_items
-- How many products are on sale, have a photo, or left the catalog.
SELECT
    count(*) FILTER (WHERE removed_at IS NULL) AS items,
    count(image_path) FILTER (WHERE removed_at IS NULL) AS with_photo,
    count(removed_at) AS removed
FROM items

-- name: example_items
-- A product of each of the three most common types that can be searched for.
SELECT min(i.item_id) AS item_id, (array_agg(i.product_display_name ORDER BY i.item_id))[1] AS name
FROM item_embeddings AS e
JOIN items AS i USING (item_id)
GROUP BY i.article_type
ORDER BY count(*) DESC, item_id
LIMIT 3

-- name: facets
-- How many products on sale with a photo match: in all (no facet), and by each value.
SELECT
    CASE 0
        WHEN grouping(i.gender) THEN 'gender'
        WHEN grouping(i.master_category) THEN 'master_category'
        WHEN grouping(i.sub_category) THEN 'sub_category'
        WHEN grouping(i.article_type) THEN 'article_type'
        WHEN grouping(i.base_colour) THEN 'base_colour'
        WHEN grouping(i.season) THEN 'season'
        WHEN grouping(i.usage) THEN 'usage'
    END AS facet,
    coalesce(
        i.gender, i.master_category, i.sub_category, i.article_type, i.base_colour, i.season, i.usage
    ) AS value,
    count(*) AS products
FROM filter_items(%(filter)s) AS i
WHERE (%(q)s::text IS NULL OR i.name_search @@ websearch_to_tsquery('english', %(q)s))
    AND i.image_path IS NOT NULL
GROUP BY GROUPING SETS (
    (), (i.gender), (i.master_category), (i.sub_category), (i.article_type), (i.base_colour),
    (i.season), (i.usage)
)
ORDER BY facet, value

-- name: get_item
-- One product on sale, with all that is known of it.
SELECT
    item_id, product_display_name, gender, master_category, sub_category, article_type, base_colour,
    season, year, usage, brand_name, price, discounted_price, image_path IS NOT NULL AS has_photo,
    image_width, image_height, details, created_at, updated_at
FROM items
WHERE item_id = %(item_id)s AND removed_at IS NULL

-- name: list_items
-- A page of products on sale, by id, after the last one of the page before.
SELECT
    i.item_id, i.product_display_name, i.gender, i.master_category, i.sub_category, i.article_type,
    i.base_colour, i.season, i.year, i.usage, i.brand_name, i.price, i.discounted_price,
    i.image_path IS NOT NULL AS has_photo
FROM filter_items(%(filter)s) AS i
WHERE (%(q)s::text IS NULL OR i.name_search @@ websearch_to_tsquery('english', %(q)s))
    AND (%(after)s::bigint IS NULL OR i.item_id > %(after)s)
    AND (NOT %(photo_only)s OR i.image_path IS NOT NULL)
ORDER BY i.item_id
LIMIT %(limit)s
