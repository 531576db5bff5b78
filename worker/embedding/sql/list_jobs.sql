-- list_jobs: what waits or failed, with the reason; retry_after is null where only a person's word
-- or another photo brings a new try.
SELECT
    m.name AS model, j.item_id, j.state, j.attempts,
    nullif(j.retry_after, 'infinity') AS retry_after,
    j.last_error, i.image_path
FROM embedding_jobs AS j
JOIN embedding_models AS m USING (model_id)
JOIN items AS i USING (item_id)
WHERE j.state = %(state)s
ORDER BY m.name, j.item_id
LIMIT %(limit)s
