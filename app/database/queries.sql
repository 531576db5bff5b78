-- name: check_search_path
-- The search path; the schemas of pgvector and of our tables if they are not on it, else null;
-- and the statement that adds them.
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
    || concat_ws(', ', m.tables, nullif(s.setting, ''), nullif(m.vector, m.tables))
FROM missing AS m
CROSS JOIN pg_settings AS s
WHERE s.name = 'search_path'

-- name: continue_item_ids
-- Let a sequence that was created again go on after the keys that the lost one has given.
SELECT setval('item_ids', max(item_id)) FROM items WHERE item_id > 1000000000000000

-- name: copy_attributes
-- The declaration of another schema's attributes.
INSERT INTO attributes SELECT * FROM {schema}.attributes

-- name: create_revision_table
-- The table of revisions as Alembic creates it.
CREATE TABLE alembic_version (
    version_num varchar(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY
)

-- name: describe_schema
-- The objects of our schema, by kind and name, with their definitions. Without the partitions of
-- models and objects of extensions.
WITH ours AS (
    SELECT c.oid, c.relname, c.relkind, c.reloptions
    FROM pg_class AS c
    JOIN pg_class AS v ON v.oid = to_regclass('alembic_version')
    WHERE c.relnamespace = v.relnamespace AND NOT c.relispartition
        AND c.relkind IN ('r', 'p', 'v', 'c', 'S')
        AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
        AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'i'
            AND c.relkind = 'S')
)
SELECT
    CASE o.relkind
        WHEN 'v' THEN 'view ' WHEN 'S' THEN 'sequence ' WHEN 'c' THEN 'type ' ELSE 'table '
    END || o.relname,
    concat_ws(
        E'\n',
        o.relkind,
        o.reloptions,
        CASE o.relkind WHEN 'v' THEN pg_get_viewdef(o.oid) WHEN 'p' THEN pg_get_partkeydef(o.oid) END,
        coalesce(
            obj_description(o.oid, 'pg_class'),
            (SELECT obj_description(c.reltype, 'pg_type') FROM pg_class AS c WHERE c.oid = o.oid)
        )
    )
FROM ours AS o
UNION ALL
SELECT
    'column ' || o.relname || '.' || a.attname,
    concat_ws(
        E'\n',
        format_type(a.atttypid, a.atttypmod),
        a.attnotnull,
        a.attidentity,
        a.attgenerated,
        CASE WHEN o.relkind IN ('r', 'p') THEN a.attstorage END,
        pg_get_expr(f.adbin, f.adrelid),
        col_description(o.oid, a.attnum)
    )
FROM ours AS o
JOIN pg_attribute AS a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS f ON f.adrelid = o.oid AND f.adnum = a.attnum
WHERE o.relkind <> 'S'
UNION ALL
SELECT 'index ' || c.relname, pg_get_indexdef(x.indexrelid)
FROM ours AS o
JOIN pg_index AS x ON x.indrelid = o.oid
JOIN pg_class AS c ON c.oid = x.indexrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = c.oid)
UNION ALL
SELECT 'constraint ' || k.conname || ' of ' || o.relname, pg_get_constraintdef(k.oid)
FROM ours AS o
JOIN pg_constraint AS k ON k.conrelid = o.oid
WHERE k.contype IN ('p', 'u', 'f', 'c')
UNION ALL
SELECT
    CASE p.prokind WHEN 'p' THEN 'procedure ' ELSE 'function ' END
    || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
    concat_ws(E'\n', pg_get_functiondef(p.oid), obj_description(p.oid, 'pg_proc'))
FROM pg_proc AS p
JOIN pg_class AS v ON v.oid = to_regclass('alembic_version')
WHERE p.pronamespace = v.relnamespace AND p.prokind IN ('f', 'p')
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')

-- name: fetch_active_model
-- The model that searches use.
SELECT model_id, dimensions FROM {schema}.embedding_models WHERE active

-- name: fetch_revision
-- The revision that the schema is at.
SELECT version_num FROM alembic_version

-- name: fetch_schema_name
-- The schema that our tables are in.
SELECT n.nspname
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass('alembic_version')

-- name: fetch_vector_schema
-- The schema that pgvector is in.
SELECT n.nspname
FROM pg_extension AS e
JOIN pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname = 'vector'

-- name: list_granted_rights
-- The rights that the roles have in our schema.
SELECT a.grantee::regrole::text AS role_name, a.privilege_type, g.kind, g.object
FROM (
    SELECT
        CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END,
        quote_ident(c.relname),
        c.relacl
    FROM pg_class AS c
    JOIN pg_class AS v ON v.oid = to_regclass('alembic_version')
    WHERE c.relnamespace = v.relnamespace
    UNION ALL
    SELECT 'column', c.relname || '.' || t.attname, t.attacl
    FROM pg_attribute AS t
    JOIN pg_class AS c ON c.oid = t.attrelid
    JOIN pg_class AS v ON v.oid = to_regclass('alembic_version')
    WHERE c.relnamespace = v.relnamespace
    UNION ALL
    SELECT 'function', p.oid::regprocedure::text, p.proacl
    FROM pg_proc AS p
    JOIN pg_class AS v ON v.oid = to_regclass('alembic_version')
    WHERE p.pronamespace = v.relnamespace
    UNION ALL
    SELECT 'schema', 'the schema', n.nspacl
    FROM pg_namespace AS n
    JOIN pg_class AS v ON v.oid = to_regclass('alembic_version')
    WHERE n.oid = v.relnamespace
) AS g (kind, object, acl)
CROSS JOIN LATERAL aclexplode(g.acl) AS a
WHERE a.grantee <> 0 AND a.grantee::regrole::text = ANY (%(roles)s)
ORDER BY 1, 2, 3, 4

-- name: list_lacking_rights
-- Which of these rights the roles lack on existing objects.
SELECT r.role_name, r.privilege, r.object
FROM unnest(%(roles)s::text[], %(privileges)s::text[], %(kinds)s::text[], %(objects)s::text[])
    AS r (role_name, privilege, kind, object)
WHERE to_regrole(r.role_name) IS NOT NULL
    AND NOT CASE r.kind
        WHEN 'schema' THEN has_schema_privilege(
            r.role_name,
            (SELECT c.relnamespace FROM pg_class AS c WHERE c.oid = to_regclass('alembic_version')),
            r.privilege
        )
        WHEN 'function'
        THEN has_function_privilege(r.role_name, to_regprocedure(r.object)::oid, r.privilege)
        WHEN 'sequence'
        THEN has_sequence_privilege(r.role_name, to_regclass(r.object)::oid, r.privilege)
        WHEN 'column' THEN has_column_privilege(
            r.role_name,
            to_regclass(split_part(r.object, '.', 1))::oid,
            split_part(r.object, '.', 2),
            r.privilege
        )
        ELSE has_table_privilege(r.role_name, to_regclass(r.object)::oid, r.privilege)
    END

-- name: list_missing_derived_objects
-- Missing columns and views of declared attributes, and missing partitions of models. It reads
-- the system catalog, which any role may.
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

-- name: list_missing_objects
-- pgvector, and the relations and routines of these names, that don't exist on the search path.
SELECT 'extension', 'vector'
WHERE to_regtype('halfvec') IS NULL
UNION ALL
SELECT r.kind, r.name
FROM unnest(%(relations)s::text[], %(kinds)s::text[]) AS r (name, kind)
WHERE to_regclass(r.name) IS NULL
UNION ALL
SELECT 'function', r.name
FROM unnest(%(routines)s::text[], %(counts)s::bigint[]) AS r (name, wanted)
WHERE r.wanted > (
    SELECT count(*)
    FROM pg_proc AS p
    WHERE p.proname = r.name AND pg_function_is_visible(p.oid)
)

-- name: list_missing_roles
-- Missing roles, and missing settings of the analysts' role.
SELECT 'role ' || r.name
FROM unnest(%(roles)s::text[]) AS r (name)
WHERE to_regrole(r.name) IS NULL
UNION ALL
SELECT 'setting ' || s.name || ' of role lookalike_analyst'
FROM unnest(%(settings)s::text[]) AS s (name)
JOIN pg_roles AS r ON r.rolname = 'lookalike_analyst'
WHERE NOT EXISTS (
    SELECT FROM unnest(r.rolconfig) AS c (entry) WHERE starts_with(c.entry, s.name || '=')
)

-- name: list_result_attributes
-- The attributes of the result type, in order, with their types.
SELECT a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_attribute AS a
JOIN pg_class AS c ON c.reltype = to_regtype(%s) AND c.oid = a.attrelid
JOIN attributes AS d ON d.name = a.attname
WHERE a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum

-- name: show_model
-- Make word_embeddings and photo_embeddings show one model's vectors, the latter cast as in its
-- index; item_embeddings is a view of it. The double cast leaves a column without a length, so that
-- models of different dimensions can be switched. Words first, since searches by words read them first.
CREATE OR REPLACE VIEW word_embeddings AS
SELECT w.word, w.products, w.spellings, w.vector FROM word_vectors AS w WHERE w.model_id = {model_id};
CREATE OR REPLACE VIEW photo_embeddings AS
SELECT e.item_id, e.position, (e.embedding::halfvec({dimensions}))::halfvec AS embedding
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = {model_id} AND i.removed_at IS NULL
