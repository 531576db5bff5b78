-- stage: where an ingest collects the catalog before it compares it with the items.
CREATE TEMPORARY TABLE staged_items ON COMMIT DROP AS
SELECT
    item_id, gender, master_category, sub_category, article_type, base_colour, season, year, usage,
    product_display_name, brand_name, price, discounted_price, details, image_path, image_sha256,
    image_width, image_height
FROM items
WITH NO DATA
