-- show_model: let item_embeddings show one model's vectors, in a form that its index serves.
CREATE OR REPLACE VIEW item_embeddings AS
SELECT e.item_id, (e.embedding::halfvec({dimensions}))::halfvec AS embedding
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = {model_id} AND i.removed_at IS NULL AND i.image_path IS NOT NULL
