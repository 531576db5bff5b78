-- name: count_vectors
-- Count the listed products that have a vector of a model.
SELECT count(*)
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = %(model_id)s AND e.position = 1 AND i.removed_at IS NULL

-- name: fetch_vectors
-- The vectors of a model that searches see, with labels, in the order in which ties are broken.
SELECT e.item_id, e.embedding, i.sku, i.product_display_name{labels}
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = %(model_id)s AND e.position = 1 AND i.removed_at IS NULL
ORDER BY e.item_id

-- name: fetch_references
-- Where the first photos of some products are, in the order of `item_ids`.
SELECT p.reference
FROM unnest(%(item_ids)s::bigint[]) WITH ORDINALITY AS q (item_id, place)
LEFT JOIN photos AS p ON p.item_id = q.item_id AND p.position = 1
ORDER BY q.place

-- name: fetch_further_vectors
-- The vectors of a model of products' photos after the first.
SELECT e.item_id, e.embedding
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = %(model_id)s AND e.position > 1 AND i.removed_at IS NULL
ORDER BY e.item_id, e.position

-- name: set_search_settings
-- The index settings of search_candidates, without plans that avoid the index.
SELECT
    set_config('hnsw.iterative_scan', 'strict_order', true),
    set_config(
        'hnsw.ef_search', greatest(requested_ef_search(), least(1000, %(k)s + 10))::text, true
    ),
    set_config('hnsw.max_scan_tuples', '20000', true),
    set_config('enable_sort', 'off', true),
    set_config('enable_seqscan', 'off', true)

-- name: fetch_indexed_neighbours
-- A product's nearest neighbours by a model's index, with the expression that searches use.
SELECT e.item_id
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = {model_id}
    AND e.position = 1
    AND i.removed_at IS NULL
    AND e.item_id <> %(item_id)s
ORDER BY
    e.embedding::halfvec({dimensions})
    <=> (
        SELECT q.embedding
        FROM embeddings AS q
        WHERE q.model_id = {model_id} AND q.item_id = %(item_id)s AND q.position = 1
    )
LIMIT %(k)s

-- name: insert_evaluation
-- Store the figures of a model.
INSERT INTO evaluations (model_id, gallery, queries, figures)
VALUES (%(model_id)s, %(gallery)s, %(queries)s, %(figures)s)

-- name: embed_texts
-- The vectors of texts, in their order.
SELECT text_embedding(t.text)
FROM unnest(%(texts)s::text[]) WITH ORDINALITY AS t (text, place)
ORDER BY t.place

-- name: fetch_names
-- The skus, names and brands of products, in the order of `item_ids`.
SELECT i.sku, i.product_display_name, i.brand_name
FROM unnest(%(item_ids)s::bigint[]) WITH ORDINALITY AS q (item_id, place)
JOIN items AS i USING (item_id)
ORDER BY q.place

-- name: fetch_words_state
-- The share of products that the learning of words held out, and whether there are any words.
SELECT
    coalesce(m.words_held_out, 0),
    EXISTS (SELECT FROM word_vectors AS w WHERE w.model_id = m.model_id)
FROM embedding_models AS m
WHERE m.model_id = %(model_id)s

-- name: find_by_text
-- What plain full-text search finds among the products with a photo.
SELECT i.item_id
FROM filter_items(%(filter)s) AS i
WHERE i.name_search @@ websearch_to_tsquery('english', %(q)s)
    AND EXISTS (SELECT FROM photos AS p WHERE p.item_id = i.item_id)
ORDER BY ts_rank(i.name_search, websearch_to_tsquery('english', %(q)s)) DESC, i.item_id
LIMIT %(top_n)s

-- name: find_by_words
-- What the search by words finds among the products with a photo.
SELECT c.item_id
FROM search_by_words(%(q)s, text_embedding(%(q)s), %(top_n)s, %(filter)s, true) WITH ORDINALITY
    AS c (item_id, score, text_rank, look_rank, distance, photo_position, place)
ORDER BY c.place
