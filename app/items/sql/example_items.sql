-- example_items: a product of each of the three most common types that can be searched for.
SELECT min(i.item_id) AS item_id, (array_agg(i.product_display_name ORDER BY i.item_id))[1] AS name
FROM item_embeddings AS e
JOIN items AS i USING (item_id)
GROUP BY i.article_type
ORDER BY count(*) DESC, item_id
LIMIT 3
