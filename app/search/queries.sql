-- name: count_comparable
-- Whether searches can use an index, and how many vectors an exact search compares.
SELECT
    index_is_worthwhile() AS indexed,
    (
        SELECT count(*) FROM photos AS p JOIN items AS i USING (item_id) WHERE i.removed_at IS NULL
    ) AS photos

-- name: count_compared
-- How many vectors an exact search compares.
SELECT count(*) FROM photo_embeddings AS e JOIN filter_items(%(filter)s) AS i USING (item_id)

-- name: count_looked_through
-- How many listed products with a photo there are, and how many of them come before an id.
SELECT count(*) FILTER (WHERE i.item_id < %(first)s) AS before, count(*) AS products
FROM items AS i
WHERE i.removed_at IS NULL AND EXISTS (SELECT FROM photos AS p WHERE p.item_id = i.item_id)

-- name: embed_text
-- The vector of a text, null if no word is known, and whether any word is.
SELECT text_embedding(%(text)s), EXISTS (SELECT FROM word_embeddings)

-- name: fetch_examples
-- The products of a request, in its order, with the vector of the first photo that has one and
-- the SHA-256 of all their photos.
SELECT
    q.number,
    i.item_id,
    i.sku,
    (
        SELECT e.embedding
        FROM photo_embeddings AS e
        WHERE e.item_id = i.item_id
        ORDER BY e.position
        LIMIT 1
    ) AS embedding,
    ARRAY(SELECT p.sha256 FROM photos AS p WHERE p.item_id = i.item_id) AS photos
FROM unnest(%(skus)s::text[], %(item_ids)s::bigint[]) WITH ORDINALITY AS q (sku, item_id, number)
JOIN items AS i ON i.sku = q.sku OR i.item_id = q.item_id
ORDER BY q.number

-- name: fetch_item_states
-- Whether products can be searched for, and why not, in the order of the request.
SELECT
    q.number,
    m.name AS model,
    i.item_id,
    i.removed_at IS NOT NULL AS removed,
    EXISTS (SELECT FROM photos AS p WHERE p.item_id = i.item_id) AS has_photo,
    (
        SELECT j.last_error
        FROM embedding_jobs AS j
        WHERE j.item_id = i.item_id AND j.model_id = m.model_id AND j.state = 'failed'
        ORDER BY j.position
        LIMIT 1
    ) AS last_error
FROM unnest(%(skus)s::text[], %(item_ids)s::bigint[]) WITH ORDINALITY AS q (sku, item_id, number)
LEFT JOIN embedding_models AS m ON m.active
LEFT JOIN LATERAL (
    SELECT found.item_id, found.removed_at
    FROM items AS found
    WHERE found.sku = q.sku OR found.item_id = q.item_id
    ORDER BY found.sku = q.sku DESC
    LIMIT 1
) AS i ON true
ORDER BY q.number

-- name: fetch_similarity
-- The cosine similarity of two products, null where one has no vector, and whether the first has one.
SELECT
    cosine_similarity(%(one)s::bigint, %(other)s::bigint),
    EXISTS (SELECT FROM item_embeddings AS e WHERE e.item_id = %(one)s)

-- name: find_by_words
-- The products that a text finds, best first, and how they were found; one row without a product if
-- there is none. No attribute's name begins with _.
WITH asked AS MATERIALIZED (SELECT text_embedding(%(q)s) AS embedding)
SELECT
    {columns},
    c.distance,
    1 - c.distance AS similarity,
    c.text_rank,
    c.look_rank,
    c.photo_position,
    p.sha256 AS _sha256,
    (SELECT m.name FROM embedding_models AS m WHERE m.active) AS _model,
    a.embedding IS NOT NULL AS _by_look,
    EXISTS (SELECT FROM word_embeddings) AS _has_words,
    websearch_to_tsquery('english', %(q)s)::text AS _text
FROM asked AS a
LEFT JOIN LATERAL search_by_words(%(q)s, a.embedding, %(top_n)s, %(filter)s, %(with_photo)s)
    WITH ORDINALITY
    AS c (item_id, score, text_rank, look_rank, distance, photo_position, place)
    ON true
LEFT JOIN items AS i USING (item_id)
LEFT JOIN photos AS p ON p.item_id = c.item_id AND p.position = c.photo_position
ORDER BY c.place

-- name: find_nearest
-- The nearest products to each query, and how they were found; one row without a product for a query
-- that nothing is near. No attribute's name begins with _. The view is named, so that it is locked
-- before the snapshot is taken: else a switch of models could come between a model and its vectors.
{version}
SELECT
    {columns},
    greatest(c.distance, 0) AS distance,
    1 - greatest(c.distance, 0) AS similarity,
    c.position AS photo_position,
    p.sha256 AS _sha256,
    q.number AS _number,
    q.model AS _model,
    q.item_id AS _item_id,
    q.sku AS _sku,
    q.photo AS _photo,
    q.search AS _search,
    q.reason AS _reason,
    q.candidates AS _candidates,
    q.ef_search AS _ef_search,
    EXISTS (SELECT FROM photo_embeddings WHERE false) AS _held
    {for_variety}
FROM {queries} AS q
LEFT JOIN LATERAL unnest(q.ids, q.distances, q.positions) AS c (item_id, distance, position) ON true
LEFT JOIN items AS i ON i.item_id = c.item_id
LEFT JOIN photos AS p ON p.item_id = c.item_id AND p.position = c.position
ORDER BY q.number, c.distance, c.item_id, c.position

-- name: near_products
-- The part of find_nearest that searches: products as queries.
product_candidates(
    %(skus)s::text[], %(item_ids)s::bigint[], %(top_n)s::integer, %(filter)s, %(all_photos)s
)

-- name: near_vector
-- The part of find_nearest that searches: one vector as the query.
(
    SELECT
        1 AS number,
        NULL::text AS model,
        NULL::bigint AS item_id,
        NULL::text AS sku,
        NULL::smallint AS photo,
        s.*
    FROM search_candidates(%(query)s, %(top_n)s::integer, %(filter)s, %(excluded)s::bigint[]) AS s
)

-- name: for_variety
-- The part of find_nearest that choosing a varied answer needs.
, ARRAY(SELECT own.sha256 FROM photos AS own WHERE own.item_id = q.item_id) AS _photos,
(
    SELECT e.embedding
    FROM photo_embeddings AS e
    WHERE e.item_id = c.item_id AND e.position = c.position
) AS _embedding

-- name: hold_active_model
-- Make any switch of models wait until the transaction ends.
SELECT FROM photo_embeddings LIMIT 0

-- name: list_duplicates
-- The near-identical pairs of a range of products, after a given pair.
SELECT
    d.item_id,
    i.sku,
    d.duplicate_id,
    j.sku AS duplicate_sku,
    d.distance,
    d.same_file
FROM near_duplicates(%(max_distance)s) AS d
JOIN items AS i ON i.item_id = d.item_id
JOIN items AS j ON j.item_id = d.duplicate_id
WHERE d.item_id BETWEEN %(first)s AND %(last)s
    AND (d.item_id > %(item_id)s OR d.duplicate_id > %(duplicate_id)s)
ORDER BY d.item_id, d.duplicate_id
LIMIT %(limit)s

-- name: list_read_words
-- How the words of a text are read.
SELECT r.word, r.read_as, r.known FROM read_words(%(q)s) AS r ORDER BY r.place

-- name: list_pictured
-- The ids of listed products with a photo, from a given id on.
SELECT i.item_id
FROM items AS i
WHERE i.removed_at IS NULL AND i.item_id >= %(first)s
    AND EXISTS (SELECT FROM photos AS p WHERE p.item_id = i.item_id)
ORDER BY i.item_id
LIMIT %(limit)s

-- name: suggest_names
-- The names of listed products that begin with a text, in the order of the index items_name, so that
-- the limit ends the scan.
SELECT i.product_display_name
FROM items AS i
WHERE lower(left(i.product_display_name, 100)) LIKE %(typed)s AND i.removed_at IS NULL
ORDER BY lower(left(i.product_display_name, 100)) USING ~<~
LIMIT %(limit)s
