-- roles: three roles, which belong to the whole cluster. May be run again: existing roles stay.

DO $$
DECLARE
    role_name text;
    purpose text;
    setting text;
    value text;
BEGIN
    FOR role_name, purpose IN VALUES
        ('lookalike_analyst', 'People who write SQL: reads the catalog and its vectors'),
        ('lookalike_api', 'The HTTP API: reads'),
        ('lookalike_worker', 'ingest, embed and evaluate: writes rows')
    LOOP
        CONTINUE WHEN to_regrole(role_name) IS NOT NULL;
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN', role_name);
            EXECUTE format('COMMENT ON ROLE %I IS %L', role_name, purpose);
        EXCEPTION
            -- Created by a migration of another database of this cluster at the same time.
            WHEN duplicate_object OR unique_violation THEN NULL;
            -- Hosted servers refuse with various errors.
            WHEN OTHERS THEN
                RAISE WARNING 'role % was not made (%); all else works. To have it, let a superuser run CREATE ROLE % LOGIN, and then this schema''s owner run lookalike db upgrade',
                    role_name, SQLERRM, role_name;
        END;
    END LOOP;

    -- Loads pgvector: before that only a superuser may set its settings.
    PERFORM '[1]'::vector;
    -- An index scan behind a filter continues until LIMIT is reached, and a forgotten query or
    -- transaction blocks nobody for long. Settings that an operator has made stay.
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
END
$$;
