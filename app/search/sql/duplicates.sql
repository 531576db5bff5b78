-- duplicates: the near-identical pairs of some products, after a pair.
SELECT d.item_id, d.duplicate_id, d.distance, d.same_file
FROM duplicate_items AS d
WHERE d.item_id BETWEEN %(first)s AND %(last)s
    AND (d.item_id > %(item_id)s OR d.duplicate_id > %(duplicate_id)s)
ORDER BY d.item_id, d.duplicate_id
LIMIT %(limit)s
