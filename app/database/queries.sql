-- name: search_path
-- The search path; the schemas of pgvector and of our tables where they are off it, null where
-- they are on it or nowhere; and what mends that.
WITH missing AS (
    SELECT
        (
            SELECT quote_ident(n.nspname)
            FROM pg_extension AS e
            JOIN pg_namespace AS n ON n.oid = e.extnamespace
            WHERE e.extname = 'vector' AND NOT n.nspname = ANY (current_schemas(true))
        ) AS vector,
        (
            SELECT min(quote_ident(n.nspname))
            FROM pg_class AS c
            JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE c.relname = 'embedding_jobs' AND c.relkind = 'r'
            HAVING NOT bool_or(n.nspname = ANY (current_schemas(true)))
        ) AS tables
)
SELECT
    s.setting,
    m.vector,
    m.tables,
    CASE s.source
        WHEN 'user' THEN format('ALTER ROLE %I SET', current_user)
        WHEN 'database user'
        THEN format('ALTER ROLE %I IN DATABASE %I SET', current_user, current_database())
        ELSE format('ALTER DATABASE %I SET', current_database())
    END
    || ' search_path = '
    || concat_ws(', ', m.tables, nullif(s.setting, ''), m.vector)
FROM missing AS m
CROSS JOIN pg_settings AS s
WHERE s.name = 'search_path'
