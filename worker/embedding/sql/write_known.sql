-- write_known: store the vectors that were set aside.
INSERT INTO embeddings (model_id, item_id, embedding, image_sha256)
SELECT %(model_id)s, item_id, embedding, image_sha256 FROM known_vectors
