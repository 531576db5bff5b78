-- create_index: the HNSW index of a model, on the expression that item_embeddings shows.
CREATE INDEX CONCURRENTLY {index}
ON {partition} USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops)
WITH (m = {m}, ef_construction = {ef_construction})
