-- views: the active model's vectors, each model's progress, near-identical pairs. May be run again.

-- Activating a model replaces this view. The double cast matches the index's expression and leaves
-- a column without a length, so that models of different dimensions can be switched. Until a model is
-- active it is empty: no row has model_id 0.
CREATE OR REPLACE VIEW photo_embeddings AS
SELECT e.item_id, e.position, (e.embedding::halfvec(1))::halfvec AS embedding
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = 0 AND i.removed_at IS NULL;

COMMENT ON VIEW photo_embeddings IS
    'Vectors of the active model, one per photo of listed products. Most similar first: SELECT item_id, position FROM photo_embeddings ORDER BY embedding <=> (SELECT embedding FROM item_embeddings WHERE item_id = 15970) LIMIT 6';
COMMENT ON COLUMN photo_embeddings.item_id IS 'The product';
COMMENT ON COLUMN photo_embeddings.position IS 'Which of its photos, from 1';
COMMENT ON COLUMN photo_embeddings.embedding IS 'The photo''s vector, of length 1; <=> is the cosine distance, 1 - similarity';

CREATE OR REPLACE VIEW item_embeddings AS
SELECT p.item_id, p.embedding FROM photo_embeddings AS p WHERE p.position = 1;

COMMENT ON VIEW item_embeddings IS
    'Vectors of the active model, one per listed product, of its first photo. Most similar first: SELECT item_id FROM item_embeddings ORDER BY embedding <=> (SELECT embedding FROM item_embeddings WHERE item_id = 15970) LIMIT 6';
COMMENT ON COLUMN item_embeddings.item_id IS 'The product';
COMMENT ON COLUMN item_embeddings.embedding IS 'Its vector, of length 1; <=> is the cosine distance, 1 - similarity';

-- Activating a model replaces this view too.
CREATE OR REPLACE VIEW word_embeddings AS
SELECT w.word, w.products, w.spellings, w.vector FROM word_vectors AS w WHERE w.model_id = 0;

COMMENT ON VIEW word_embeddings IS
    'The words that the active model has vectors for. text_embedding sums them up';
COMMENT ON COLUMN word_embeddings.word IS 'A word, two adjacent ones, or three letters as a LIKE pattern';
COMMENT ON COLUMN word_embeddings.products IS 'How many products it was learnt from';
COMMENT ON COLUMN word_embeddings.spellings IS 'A word and it with one letter left out; null for pairs and patterns';
COMMENT ON COLUMN word_embeddings.vector IS 'Its vector; its length is the word''s weight';

CREATE OR REPLACE VIEW embedding_progress AS
SELECT
    m.name,
    m.active,
    c.items,
    c.embedded,
    c.items - c.embedded - c.failed AS pending,
    c.failed,
    CASE WHEN c.items = 0 THEN 100.0 ELSE round(100.0 * c.embedded / c.items, 1) END AS percent
FROM embedding_models AS m
CROSS JOIN LATERAL (
    SELECT
        count(*) AS items,
        count(*) FILTER (WHERE e.image_sha256 = p.sha256) AS embedded,
        count(*) FILTER (
            WHERE j.state = 'failed' AND j.image_sha256 = p.sha256
                AND e.image_sha256 IS DISTINCT FROM p.sha256
        ) AS failed
    FROM items AS i
    JOIN photos AS p USING (item_id)
    LEFT JOIN embeddings AS e
        ON e.model_id = m.model_id AND e.item_id = p.item_id AND e.position = p.position
    LEFT JOIN embedding_jobs AS j
        ON j.model_id = m.model_id AND j.item_id = p.item_id AND j.position = p.position
    WHERE i.removed_at IS NULL
) AS c
WHERE NOT m.dropping;

COMMENT ON VIEW embedding_progress IS 'Each model''s progress with the photos of listed products: items = embedded + pending + failed';
COMMENT ON COLUMN embedding_progress.name IS 'The model';
COMMENT ON COLUMN embedding_progress.active IS 'Whether item_embeddings and similar_items use it';
COMMENT ON COLUMN embedding_progress.items IS 'Photos of listed products, of which a product may have several';
COMMENT ON COLUMN embedding_progress.embedded IS 'Those whose vector was made from their current file';
COMMENT ON COLUMN embedding_progress.pending IS 'Those still to embed';
COMMENT ON COLUMN embedding_progress.failed IS 'Those that can''t be embedded; the reason is in embedding_jobs.last_error';
COMMENT ON COLUMN embedding_progress.percent IS '100 × embedded / items';

-- Up to a cosine distance of 0.01 two photos count as the same picture, as with exclude_duplicates of
-- the API.
CREATE OR REPLACE VIEW duplicate_items AS
SELECT d.item_id, d.duplicate_id, d.distance, d.same_file FROM near_duplicates(0.01) AS d;

COMMENT ON VIEW duplicate_items IS
    'Pairs of listed products with the same photo, or nearly the same among a photo''s 20 nearest; each pair once. Costs a search per photo, a minute for 40,000: use WHERE item_id = … or BETWEEN … AND …, or WHERE same_file, which costs little';
COMMENT ON COLUMN duplicate_items.item_id IS 'The product with the smaller item_id';
COMMENT ON COLUMN duplicate_items.duplicate_id IS 'The other one';
COMMENT ON COLUMN duplicate_items.distance IS 'Cosine distance of their closest photos by the active model, 1 - similarity; 0 for the same file';
COMMENT ON COLUMN duplicate_items.same_file IS 'Whether they share a photo file, byte by byte';
