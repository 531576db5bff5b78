-- list_items: a page of products on sale, by id, after the last one of the page before.
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
