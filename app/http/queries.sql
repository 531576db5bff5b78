-- name: count_jobs
-- Counts each model's photos to embed; with the seconds since the oldest one has been due.
SELECT
    m.name,
    count(*) FILTER (WHERE j.state = 'pending'),
    count(*) FILTER (WHERE j.state = 'failed'),
    greatest(
        coalesce(extract(epoch FROM now() - min(j.retry_after) FILTER (WHERE j.state = 'pending')), 0),
        0
    )::double precision
FROM embedding_models AS m
LEFT JOIN embedding_jobs AS j USING (model_id)
GROUP BY m.model_id, m.name
ORDER BY m.model_id

-- name: count_failures
-- Counts each model's failed photos by the start of the reason, numbers left out: the 20 commonest.
SELECT
    m.name,
    left(regexp_replace(split_part(coalesce(j.last_error, 'unknown'), ':', 1), '[0-9][0-9,.]*', '#', 'g'), 80)
        AS reason,
    count(*)
FROM embedding_jobs AS j
JOIN embedding_models AS m USING (model_id)
WHERE j.state = 'failed'
GROUP BY m.name, reason
ORDER BY count(*) DESC, m.name, reason
LIMIT 20
