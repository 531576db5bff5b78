-- get_item: one product on sale, with all that is known of it.
SELECT
    item_id, product_display_name, gender, master_category, sub_category, article_type, base_colour,
    season, year, usage, brand_name, price, discounted_price, image_path IS NOT NULL AS has_photo,
    image_width, image_height, details, created_at, updated_at
FROM items
WHERE item_id = %(item_id)s AND removed_at IS NULL
