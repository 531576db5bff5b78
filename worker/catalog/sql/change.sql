-- change: bring stored products up to what is staged; one that had left is on sale again.
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
