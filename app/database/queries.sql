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

-- name: fetch_revision
-- The revision that the schema is at.
SELECT version_num FROM alembic_version

-- name: missing_derived_objects
-- What the declaration of the attributes and the models ask for, and isn't there. In the catalog
-- of the server, which any role may read.
SELECT 'column', 'items.' || d.name
FROM attributes AS d
LEFT JOIN pg_attribute AS c
    ON c.attrelid = 'items'::regclass AND c.attname = d.name AND NOT c.attisdropped
WHERE c.attname IS NULL
UNION ALL
SELECT 'view', d.cohesion_view
FROM attributes AS d
WHERE d.cohesion_view IS NOT NULL AND to_regclass(quote_ident(d.cohesion_view)) IS NULL
UNION ALL
SELECT 'table', 'embeddings_' || m.model_id
FROM embedding_models AS m
LEFT JOIN pg_inherits AS i
    ON i.inhrelid = to_regclass('embeddings_' || m.model_id)
    AND i.inhparent = to_regclass('embeddings')
WHERE i.inhrelid IS NULL AND NOT m.dropping

-- name: missing_objects
-- The relations and routines of these names that can't be seen.
SELECT 'table', r.name
FROM unnest(%(relations)s::text[]) AS r (name)
WHERE to_regclass(r.name) IS NULL
UNION ALL
SELECT 'function', r.name
FROM unnest(%(routines)s::text[], %(counts)s::bigint[]) AS r (name, wanted)
WHERE r.wanted > (
    SELECT count(*)
    FROM pg_proc AS p
    WHERE p.proname = r.name AND pg_function_is_visible(p.oid)
)
