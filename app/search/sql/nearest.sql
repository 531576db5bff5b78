-- nearest: the nearest products with what a choice among them needs, and how they were found; one
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
