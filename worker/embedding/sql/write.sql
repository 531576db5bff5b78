-- write: the vectors of a batch.
COPY embeddings (model_id, item_id, embedding, image_sha256) FROM STDIN (FORMAT binary)
