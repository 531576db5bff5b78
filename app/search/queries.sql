-- name: active_model
-- The active model. Reading the view as well, though nothing of it is wanted, keeps
-- any switch of models waiting until the transaction ends.
SELECT m.model_id, m.name, m.backbone, m.preprocessing, m.weights_sha256, m.precision
FROM embedding_models AS m
WHERE m.active AND EXISTS (SELECT FROM item_embeddings) IS NOT NULL

-- name: comparable
-- Whether there is an index to search by, and how many products there are to compare
-- with where there is none.
SELECT
    index_is_worthwhile() AS indexed,
    (SELECT count(*) FROM items AS i WHERE i.removed_at IS NULL AND i.image_path IS NOT NULL) AS products

-- name: count_compared
-- How many vectors an exact search compares.
SELECT count(*) FROM item_embeddings AS e JOIN filter_items(%(filter)s) AS i USING (item_id)

-- name: duplicates
-- The near-identical pairs of some products, after a pair.
SELECT d.item_id, d.duplicate_id, d.distance, d.same_file
FROM duplicate_items AS d
WHERE d.item_id BETWEEN %(first)s AND %(last)s
    AND (d.item_id > %(item_id)s OR d.duplicate_id > %(duplicate_id)s)
ORDER BY d.item_id, d.duplicate_id
LIMIT %(limit)s

-- name: example_embeddings
-- The vectors of some products and their photos, as the active model has them.
SELECT e.item_id, e.embedding, i.image_sha256
FROM item_embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.item_id = ANY (%(item_ids)s)

-- name: item_state
-- All that decides whether a product can be searched for, and what to compare with.
SELECT
    m.name AS model,
    i.item_id IS NOT NULL AS known,
    i.removed_at IS NOT NULL AS removed,
    i.image_path IS NOT NULL AS has_photo,
    e.embedding,
    i.image_sha256,
    j.last_error
FROM (VALUES (%(item_id)s::bigint)) AS q (item_id)
LEFT JOIN embedding_models AS m ON m.active
LEFT JOIN items AS i ON i.item_id = q.item_id
LEFT JOIN item_embeddings AS e ON e.item_id = q.item_id
LEFT JOIN embedding_jobs AS j
    ON j.item_id = q.item_id AND j.model_id = m.model_id AND j.state = 'failed'

-- name: nearest
-- The nearest products with what a choice among them needs, and how they were found; one
-- row with no product where there is none.
SELECT
    s.search, s.reason, s.candidates, s.ef_search, i.item_id,
    greatest(c.distance, 0) AS distance, 1 - greatest(c.distance, 0) AS similarity,
    i.product_display_name, i.gender, i.master_category, i.sub_category, i.article_type,
    i.base_colour, i.season, i.year, i.usage, i.brand_name, i.price, i.discounted_price,
    i.image_sha256,
    CASE WHEN %(with_embeddings)s THEN e.embedding END AS embedding
FROM search_candidates(%(query)s, %(top_n)s, %(filter)s, %(excluded)s) AS s
LEFT JOIN LATERAL unnest(s.ids, s.distances) AS c (item_id, distance) ON true
LEFT JOIN items AS i USING (item_id)
LEFT JOIN item_embeddings AS e ON %(with_embeddings)s AND e.item_id = i.item_id
ORDER BY c.distance, i.item_id

-- name: next_products
-- The ids of products on sale with a photo, from one on.
SELECT i.item_id
FROM items AS i
WHERE i.removed_at IS NULL AND i.image_path IS NOT NULL AND i.item_id >= %(first)s
ORDER BY i.item_id
LIMIT %(limit)s
