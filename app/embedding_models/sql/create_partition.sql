-- create_partition: the table of one model's vectors, complete before it joins the others.
-- The checks spare ATTACH a scan and catch a vector of another model's length.
CREATE TABLE {partition} (
    LIKE embeddings INCLUDING ALL,
    CHECK (model_id = {model_id}),
    CHECK (vector_dims(embedding) = {dimensions})
);
ALTER TABLE embeddings ATTACH PARTITION {partition} FOR VALUES IN ({model_id});
COMMENT ON TABLE {partition} IS {comment};
