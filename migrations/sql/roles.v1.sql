-- roles.v1: who may do what: three roles, which belong to the whole cluster, and their rights here.

-- One list for both ways; a role that is missing is passed over.
CREATE PROCEDURE change_rights(verb text)
LANGUAGE plpgsql
AS $$
DECLARE
    roles CONSTANT text[] := ARRAY['lookalike_analyst', 'lookalike_api', 'lookalike_worker'];
    views CONSTANT text := 'item_embeddings, embedding_progress, colour_cohesion, type_cohesion, '
        'brand_neighbours, category_coverage, duplicate_items';
    -- All that PUBLIC may call unless somebody took that right away.
    functions CONSTANT text[] := ARRAY[
        'jsonb_text_array', 'filter_items', 'check_filter', 'estimate_matches',
        'exact_search_limit', 'index_is_worthwhile', 'search_candidates', 'nearest_items',
        'similar_items', 'similar_to', 'cosine_similarity', 'centroid', 'label_cohesion'
    ];
    -- An ingest ends with ANALYZE, which could be granted to others from Postgres 17 on.
    items_rights CONSTANT text := CASE
        WHEN current_setting('server_version_num')::integer < 170000 THEN 'INSERT, UPDATE'
        ELSE 'INSERT, UPDATE, MAINTAIN'
    END;
    preposition CONSTANT text := CASE verb WHEN 'GRANT' THEN 'TO' ELSE 'FROM' END;
    role_name text;
    rights text;
    objects text;
BEGIN
    FOR role_name, rights, objects IN
        SELECT r.rolname, g.rights, g.objects
        FROM (VALUES
            ('lookalike_analyst', 'SELECT',
                'items, catalogs, embedding_models, embeddings, evaluations, ' || views),
            ('lookalike_api', 'SELECT',
                'items, catalogs, embedding_models, embeddings, embedding_jobs, alembic_version, '
                || views),
            ('lookalike_worker', 'SELECT',
                'items, catalogs, embedding_models, embeddings, embedding_jobs, evaluations, '
                'alembic_version, ' || views),
            ('lookalike_worker', items_rights, 'items'),
            ('lookalike_worker', 'INSERT, UPDATE', 'catalogs'),
            ('lookalike_worker', 'INSERT, DELETE', 'embeddings'),
            ('lookalike_worker', 'INSERT, UPDATE, DELETE', 'embedding_jobs'),
            ('lookalike_worker', 'UPDATE (precision)', 'embedding_models'),
            ('lookalike_worker', 'INSERT', 'evaluations')
        ) AS g (role_name, rights, objects)
        JOIN pg_roles AS r ON r.rolname = g.role_name
        UNION ALL
        SELECT r.rolname, 'EXECUTE', format('FUNCTION %s', p.oid::regprocedure)
        FROM pg_roles AS r
        JOIN pg_proc AS p ON p.proname = ANY (functions)
        WHERE r.rolname = ANY (roles) AND p.pronamespace = current_schema()::regnamespace
        UNION ALL
        SELECT r.rolname, 'USAGE', format('SCHEMA %s', n.oid::regnamespace)
        FROM pg_roles AS r
        JOIN pg_namespace AS n ON n.oid = current_schema()::regnamespace
        WHERE r.rolname = ANY (roles)
            AND CASE verb
                WHEN 'GRANT' THEN NOT has_schema_privilege(r.oid, n.oid, 'USAGE')
                ELSE r.oid IN (SELECT a.grantee FROM aclexplode(n.nspacl) AS a)
            END
    LOOP
        EXECUTE format('%s %s ON %s %s %I', verb, rights, objects, preposition, role_name);
    END LOOP;
END
$$;
COMMENT ON PROCEDURE change_rights(text) IS
    'GRANT the roles of lookalike their rights in this database, or REVOKE them';

CREATE PROCEDURE set_up_roles()
LANGUAGE plpgsql
AS $$
DECLARE
    role_name text;
    purpose text;
    setting text;
    value text;
BEGIN
    FOR role_name, purpose IN VALUES
        ('lookalike_analyst', 'People who ask in SQL: reads the catalog and its vectors'),
        ('lookalike_api', 'The HTTP API: reads'),
        ('lookalike_worker', 'ingest, embed and evaluate: writes rows')
    LOOP
        CONTINUE WHEN to_regrole(role_name) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN', role_name);
            EXECUTE format('COMMENT ON ROLE %I IS %L', role_name, purpose);
        EXCEPTION
            -- Made meanwhile for another database of this cluster.
            WHEN duplicate_object OR unique_violation THEN NULL;
            -- Hosted servers refuse in many ways.
            WHEN OTHERS THEN
                RAISE WARNING 'role % was not made (%); all else works. To have it, let a superuser run CREATE ROLE % LOGIN, and then this schema''s owner CALL set_up_roles()',
                    role_name, SQLERRM, role_name;
        END;
    END LOOP;

    -- Loads pgvector: only a superuser may set what the server doesn't know yet.
    PERFORM '[1]'::vector;
    -- So that an index scan goes on behind a filter until LIMIT is reached, and that a query or a
    -- transaction which somebody forgot keeps nobody waiting. What an operator has set stays.
    FOR setting, value IN VALUES
        ('hnsw.iterative_scan', 'strict_order'),
        ('statement_timeout', '60s'),
        ('idle_in_transaction_session_timeout', '10min'),
        ('default_transaction_read_only', 'on')
    LOOP
        CONTINUE WHEN to_regrole('lookalike_analyst') IS NULL OR EXISTS (
            SELECT
            FROM pg_roles AS r
            CROSS JOIN LATERAL unnest(r.rolconfig) AS c (entry)
            WHERE r.rolname = 'lookalike_analyst' AND starts_with(c.entry, setting || '=')
        );
        BEGIN
            EXECUTE format('ALTER ROLE lookalike_analyst SET %s = %L', setting, value);
        EXCEPTION
            WHEN OTHERS THEN
                RAISE WARNING 'role lookalike_analyst lacks a setting (%): let a superuser run ALTER ROLE lookalike_analyst SET % = %',
                    SQLERRM, setting, quote_literal(value);
        END;
    END LOOP;
    CALL change_rights('GRANT');
END
$$;
COMMENT ON PROCEDURE set_up_roles() IS
    'Make the roles lookalike_analyst, lookalike_api and lookalike_worker where they are missing, and grant them their rights in this database; may be called again at any time';

REVOKE EXECUTE ON PROCEDURE change_rights(text), set_up_roles() FROM PUBLIC;
CALL set_up_roles();
