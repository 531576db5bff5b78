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

-- name: fetch_latest_evaluations
-- The last evaluation of each model, of its neighbours or of its robustness.
SELECT name, gallery, queries, figures
FROM (
    SELECT DISTINCT ON (e.model_id) e.model_id, m.name, e.gallery, e.queries, e.figures
    FROM evaluations AS e
    JOIN embedding_models AS m USING (model_id)
    WHERE (e.figures ? 'robustness') = %(robustness)s
    ORDER BY e.model_id, e.evaluated_at DESC, e.evaluation_id DESC
) AS latest
ORDER BY model_id

-- name: insert_evaluation
-- Store the figures of a model.
INSERT INTO evaluations (model_id, gallery, queries, figures)
VALUES (%(model_id)s, %(gallery)s, %(queries)s, %(figures)s)
