-- record: keep the figures of a model, so that a change shows.
INSERT INTO evaluations (model_id, gallery, queries, figures)
VALUES (%(model_id)s, %(gallery)s, %(queries)s, %(figures)s)
