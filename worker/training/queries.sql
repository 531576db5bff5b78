-- name: fetch_products
-- The listed products that have a photo, with their labels.
SELECT i.sku, p.reference{labels}
FROM items AS i
JOIN photos AS p ON p.item_id = i.item_id AND p.position = 1
WHERE i.removed_at IS NULL
ORDER BY length(i.sku), i.sku

-- name: fetch_skus
-- The skus of some products, in the order of `item_ids`.
SELECT i.sku
FROM unnest(%(item_ids)s::bigint[]) WITH ORDINALITY AS q (item_id, place)
JOIN items AS i USING (item_id)
ORDER BY q.place
