-- evaluations.v1: how good each model's vectors were, and when.

CREATE TABLE evaluations (
    evaluation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id smallint NOT NULL REFERENCES embedding_models ON DELETE CASCADE,
    evaluated_at timestamptz NOT NULL DEFAULT now(),
    gallery integer NOT NULL CHECK (gallery > 0),
    queries integer NOT NULL CHECK (queries > 0),
    figures jsonb NOT NULL
);
CREATE INDEX evaluations_model ON evaluations (model_id, evaluated_at);

COMMENT ON TABLE evaluations IS 'How well nearest neighbours agreed with the labels, a row a measurement';
COMMENT ON COLUMN evaluations.evaluation_id IS 'Key';
COMMENT ON COLUMN evaluations.model_id IS 'The model in embedding_models that was measured';
COMMENT ON COLUMN evaluations.evaluated_at IS 'When';
COMMENT ON COLUMN evaluations.gallery IS 'How many products had a vector and could be found';
COMMENT ON COLUMN evaluations.queries IS 'How many of them were asked about';
COMMENT ON COLUMN evaluations.figures IS 'recall@10, ndcg@10, and by label precision@5, precision@10 and map@10';
