-- add: store the staged products that are new.
INSERT INTO items (
    item_id, gender, master_category, sub_category, article_type, base_colour, season, year, usage,
    product_display_name, brand_name, price, discounted_price, details, image_path, image_sha256,
    image_width, image_height
)
SELECT s.*
FROM staged_items AS s
JOIN differences AS d ON d.item_id = s.item_id
WHERE d.kind = 'added'
