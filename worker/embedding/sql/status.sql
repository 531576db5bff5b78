-- status: how far each model has come, how fast it goes, and whether searches can use its index.
-- That a build is going on is told by its lock, which every role sees, unlike
-- pg_stat_progress_create_index. An invalid index without one is what a kill has left.
SELECT
    p.name, p.active, p.items, p.embedded, p.pending, p.failed, p.percent,
    v.per_minute, v.last_embedded_at,
    CASE
        WHEN x.indisvalid THEN 'valid'
        WHEN x.indexrelid IS NULL THEN 'missing'
        WHEN EXISTS (
            SELECT
            FROM pg_locks AS l
            JOIN pg_database AS d ON d.oid = l.database
            WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
                AND (l.classid::bigint << 32) | l.objid::bigint = hashtext('lookalike index')
        ) THEN 'building'
        ELSE 'invalid'
    END AS index
FROM embedding_progress AS p
JOIN embedding_models AS m USING (name)
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE e.embedded_at > now() - interval '1 minute') AS per_minute,
        max(e.embedded_at) AS last_embedded_at
    FROM embeddings AS e
    WHERE e.model_id = m.model_id
) AS v
LEFT JOIN pg_index AS x ON x.indexrelid = to_regclass('embeddings_' || m.model_id || '_hnsw')
ORDER BY p.name
