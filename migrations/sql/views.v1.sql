-- views.v1: the active model's vectors, and how far each model's have come.

-- Activating a model replaces this view. The double cast matches the index's expression and leaves
-- a column without a length, so that models of different dimensions can take turns. Here, before
-- any model is active, no row has model_id 0.
CREATE VIEW item_embeddings AS
SELECT e.item_id, (e.embedding::halfvec(1))::halfvec AS embedding
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = 0 AND i.removed_at IS NULL AND i.image_path IS NOT NULL;

COMMENT ON VIEW item_embeddings IS
    'Vectors of the active model for products on sale. Most similar first: SELECT item_id FROM item_embeddings ORDER BY embedding <=> (SELECT embedding FROM item_embeddings WHERE item_id = 15970) LIMIT 6';
COMMENT ON COLUMN item_embeddings.item_id IS 'The product';
COMMENT ON COLUMN item_embeddings.embedding IS 'Its vector, of length 1; <=> is the cosine distance, 1 - similarity';

CREATE VIEW embedding_progress AS
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
        count(*) FILTER (WHERE e.image_sha256 = i.image_sha256) AS embedded,
        count(*) FILTER (
            WHERE j.state = 'failed' AND j.image_sha256 = i.image_sha256
                AND e.image_sha256 IS DISTINCT FROM i.image_sha256
        ) AS failed
    FROM items AS i
    LEFT JOIN embeddings AS e ON e.model_id = m.model_id AND e.item_id = i.item_id
    LEFT JOIN embedding_jobs AS j ON j.model_id = m.model_id AND j.item_id = i.item_id
    WHERE i.removed_at IS NULL AND i.image_path IS NOT NULL
) AS c;

COMMENT ON VIEW embedding_progress IS 'How far each model has come: items with a photo = embedded + pending + failed';
COMMENT ON COLUMN embedding_progress.name IS 'The model';
COMMENT ON COLUMN embedding_progress.active IS 'Whether item_embeddings and similar_items use it';
COMMENT ON COLUMN embedding_progress.items IS 'Products on sale that have a photo';
COMMENT ON COLUMN embedding_progress.embedded IS 'Those whose vector was made from their present photo';
COMMENT ON COLUMN embedding_progress.pending IS 'Those still to embed';
COMMENT ON COLUMN embedding_progress.failed IS 'Those whose photo can''t be embedded; embedding_jobs.last_error says why';
COMMENT ON COLUMN embedding_progress.percent IS '100 × embedded / items';
