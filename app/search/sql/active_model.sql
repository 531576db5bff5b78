-- active_model: the active model. Reading the view as well, though nothing of it is wanted, keeps
-- any switch of models waiting until the transaction ends.
SELECT m.model_id, m.name, m.backbone, m.preprocessing, m.weights_sha256, m.precision
FROM embedding_models AS m
WHERE m.active AND EXISTS (SELECT FROM item_embeddings) IS NOT NULL
