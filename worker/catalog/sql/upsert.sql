-- upsert: make the items what the staging table says; count what that adds, changes and removes.
WITH upserted AS (
    INSERT INTO items AS i (
        item_id, gender, master_category, sub_category, article_type, base_colour, season, year,
        usage, product_display_name, brand_name, price, discounted_price, details, image_path,
        image_sha256, image_width, image_height
    )
    SELECT * FROM staged_items
    ON CONFLICT (item_id) DO UPDATE SET
        gender = excluded.gender,
        master_category = excluded.master_category,
        sub_category = excluded.sub_category,
        article_type = excluded.article_type,
        base_colour = excluded.base_colour,
        season = excluded.season,
        year = excluded.year,
        usage = excluded.usage,
        product_display_name = excluded.product_display_name,
        brand_name = excluded.brand_name,
        price = excluded.price,
        discounted_price = excluded.discounted_price,
        details = excluded.details,
        image_path = excluded.image_path,
        image_sha256 = excluded.image_sha256,
        image_width = excluded.image_width,
        image_height = excluded.image_height,
        updated_at = now(),
        removed_at = NULL
    WHERE i.removed_at IS NOT NULL
        OR (
            i.gender, i.master_category, i.sub_category, i.article_type, i.base_colour, i.season,
            i.year, i.usage, i.product_display_name, i.brand_name, i.price, i.discounted_price,
            i.details, i.image_path, i.image_sha256, i.image_width, i.image_height
        ) IS DISTINCT FROM (
            excluded.gender, excluded.master_category, excluded.sub_category,
            excluded.article_type, excluded.base_colour, excluded.season, excluded.year,
            excluded.usage, excluded.product_display_name, excluded.brand_name, excluded.price,
            excluded.discounted_price, excluded.details, excluded.image_path,
            excluded.image_sha256, excluded.image_width, excluded.image_height
        )
    -- A row version that an INSERT made was deleted by nobody.
    RETURNING xmax = 0 AS added
),
removed AS (
    UPDATE items AS i
    SET removed_at = now(), updated_at = now()
    WHERE i.removed_at IS NULL
        AND NOT EXISTS (SELECT FROM staged_items AS s WHERE s.item_id = i.item_id)
    RETURNING i.item_id
)
SELECT
    count(*) FILTER (WHERE added) AS added,
    count(*) FILTER (WHERE NOT added) AS changed,
    (SELECT count(*) FROM removed) AS removed
FROM upserted
