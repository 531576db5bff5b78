-- rights: what the three roles may do in this database. May be run again.

CREATE OR REPLACE PROCEDURE grant_rights()
LANGUAGE plpgsql
AS $$
DECLARE
    -- The roles that exist: a server may have refused to create them.
    everyone CONSTANT text := (
        SELECT string_agg(quote_ident(r.rolname), ', ')
        FROM pg_roles AS r
        WHERE r.rolname IN ('lookalike_analyst', 'lookalike_api', 'lookalike_worker')
    );
    outsiders CONSTANT text := (
        SELECT string_agg(quote_ident(r.rolname), ', ')
        FROM pg_roles AS r
        WHERE r.rolname IN ('lookalike_analyst', 'lookalike_api', 'lookalike_worker')
            AND NOT has_schema_privilege(r.oid, current_schema(), 'USAGE')
    );
    -- PUBLIC may call them, unless that right was revoked.
    functions CONSTANT text := (
        SELECT string_agg(p.oid::regprocedure::text, ', ')
        FROM pg_proc AS p
        JOIN pg_class AS c ON c.oid = 'items'::regclass AND c.relowner = p.proowner
        WHERE p.pronamespace = c.relnamespace AND p.prokind = 'f'
            AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
    );
    views text :=
        'photo_embeddings, item_embeddings, word_embeddings, embedding_progress, duplicate_items';
BEGIN
    IF everyone IS NULL THEN
        RETURN;
    END IF;
    IF outsiders IS NOT NULL THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), outsiders);
    END IF;
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', functions, everyone);
    SELECT concat_ws(', ', views, string_agg(format('%I', v.name), ', ')) INTO views
    FROM (
        SELECT c.name FROM cohesion_views() AS c (name)
        UNION ALL
        SELECT o.name
        FROM (VALUES ('brand_neighbours'), ('category_coverage')) AS o (name)
        WHERE to_regclass(o.name) IS NOT NULL
    ) AS v;
    EXECUTE format('GRANT SELECT ON %s TO %s', views, everyone);
    EXECUTE format(
        'GRANT SELECT ON items, photos, catalogs, attributes, embedding_models, embeddings, word_vectors, evaluations, neighbours TO %s',
        everyone
    );
    IF to_regrole('lookalike_api') IS NOT NULL THEN
        GRANT SELECT ON embedding_jobs, api_keys, alembic_version TO lookalike_api;
    END IF;
    IF to_regrole('lookalike_worker') IS NULL THEN
        RETURN;
    END IF;
    GRANT SELECT ON alembic_version TO lookalike_worker;
    GRANT INSERT, UPDATE, DELETE ON items, photos TO lookalike_worker;
    GRANT USAGE ON SEQUENCE item_ids TO lookalike_worker;
    GRANT UPDATE ON catalogs TO lookalike_worker;
    GRANT INSERT, UPDATE, DELETE ON embeddings TO lookalike_worker;
    GRANT SELECT, INSERT, UPDATE, DELETE ON embedding_jobs TO lookalike_worker;
    GRANT UPDATE (precision, words_held_out) ON embedding_models TO lookalike_worker;
    GRANT INSERT, DELETE ON word_vectors TO lookalike_worker;
    GRANT INSERT ON evaluations TO lookalike_worker;
    GRANT INSERT, DELETE ON neighbours TO lookalike_worker;
    -- An ingest ends with ANALYZE, which could be granted to others from Postgres 17 on.
    IF current_setting('server_version_num')::integer >= 170000 THEN
        EXECUTE 'GRANT MAINTAIN ON items, photos TO lookalike_worker';
    END IF;
END
$$;
COMMENT ON PROCEDURE grant_rights() IS
    'Grant the roles of lookalike their rights in this database; missing roles are skipped. May be called again at any time';

REVOKE EXECUTE ON PROCEDURE grant_rights() FROM PUBLIC;
CALL grant_rights();
