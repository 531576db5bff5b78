-- name: copy_words
-- Word vectors in bulk.
COPY word_vectors (model_id, word, products, spellings, vector) FROM STDIN (FORMAT BINARY)

-- name: count_described
-- How many listed products have a vector of a model.
SELECT count(*)
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = %(model_id)s AND e.position = 1 AND i.removed_at IS NULL

-- name: delete_words
-- Delete a model's word vectors.
DELETE FROM word_vectors WHERE model_id = %(model_id)s

-- name: fetch_described
-- The listed products that have a vector of a model, with their names and the texts of their attributes.
SELECT
    i.sku,
    e.embedding,
    concat_ws(' ', i.product_display_name, i.brand_name),
    {attributes}
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = %(model_id)s AND e.position = 1 AND i.removed_at IS NULL
ORDER BY e.item_id

-- name: fetch_products
-- The listed products that have a photo, with their labels.
SELECT i.sku, i.product_display_name, p.reference{labels}
FROM items AS i
JOIN photos AS p ON p.item_id = i.item_id AND p.position = 1
WHERE i.removed_at IS NULL
ORDER BY length(i.sku), i.sku

-- name: set_words_held_out
-- The share of the products that a model's word vectors have not seen.
UPDATE embedding_models SET words_held_out = %(share)s WHERE model_id = %(model_id)s

-- name: split_texts
-- The words and pairs of adjacent words of texts.
SELECT t.text, text_features(text_words(t.text)) FROM unnest(%(texts)s::text[]) AS t (text)

-- name: split_words
-- The spellings and the parts of words, in their order.
SELECT word_spellings(w.word), word_parts(w.word)
FROM unnest(%(words)s::text[]) WITH ORDINALITY AS w (word, place)
ORDER BY w.place
