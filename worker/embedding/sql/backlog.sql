-- backlog: how many photos of each model are queued, and how many failed.
SELECT
    m.name,
    count(*) FILTER (WHERE j.state = 'pending') AS pending,
    count(*) FILTER (WHERE j.state = 'failed') AS failed
FROM embedding_models AS m
LEFT JOIN embedding_jobs AS j USING (model_id)
GROUP BY m.name
ORDER BY m.name
