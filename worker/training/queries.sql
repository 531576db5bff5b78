-- name: fetch_products
-- The listed products that have a photo, with their labels.
SELECT i.sku, i.product_display_name, p.reference{labels}
FROM items AS i
JOIN photos AS p ON p.item_id = i.item_id AND p.position = 1
WHERE i.removed_at IS NULL
ORDER BY length(i.sku), i.sku
