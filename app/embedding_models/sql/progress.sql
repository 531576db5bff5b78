-- progress: how far each model has come.
SELECT name, active, items, embedded, pending, failed, percent FROM embedding_progress ORDER BY name
