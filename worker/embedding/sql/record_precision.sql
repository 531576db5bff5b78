-- record_precision: say what the first worker of a model has settled on.
UPDATE embedding_models
SET precision = %(precision)s
WHERE model_id = %(model_id)s AND precision = 'auto'
