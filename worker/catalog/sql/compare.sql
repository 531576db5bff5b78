-- compare: note each product that is staged otherwise than it is stored. One pass over both; what
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
