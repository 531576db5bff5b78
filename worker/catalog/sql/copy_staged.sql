-- copy_staged: load the staging table.
COPY staged_items (
    item_id, gender, master_category, sub_category, article_type, base_colour, season, year, usage,
    product_display_name, brand_name, price, discounted_price, details, image_path, image_sha256,
    image_width, image_height
) FROM STDIN
