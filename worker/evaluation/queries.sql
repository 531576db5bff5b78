-- name: count_vectors
-- How many listed products have a vector of a model.
SELECT count(*)
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = %(model_id)s AND e.position = 1 AND i.removed_at IS NULL

-- name: fetch_vectors
-- What the searches see of a model, with the labels, in the order that breaks ties.
SELECT e.item_id, e.embedding{labels}
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = %(model_id)s AND e.position = 1 AND i.removed_at IS NULL
ORDER BY e.item_id

-- name: set_search_settings
-- The index's settings of search_candidates, and no way around the index.
SELECT
    set_config('hnsw.iterative_scan', 'strict_order', true),
    set_config(
        'hnsw.ef_search', greatest(requested_ef_search(), least(1000, %(k)s + 10))::text, true
    ),
    set_config('hnsw.max_scan_tuples', '20000', true),
    set_config('enable_sort', 'off', true),
    set_config('enable_seqscan', 'off', true)

-- name: fetch_indexed_neighbours
-- A product's nearest by a model's index, in the form that the searches use.
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
-- Keep the figures of a model, so that a change shows.
INSERT INTO evaluations (model_id, gallery, queries, figures)
VALUES (%(model_id)s, %(gallery)s, %(queries)s, %(figures)s)
