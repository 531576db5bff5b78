-- downgrade: drop what the other files create, and revoke rights. The roles stay: they belong to the cluster.

DO $$
DECLARE
    role_name text;
    name text;
BEGIN
    FOR name IN SELECT c.name FROM cohesion_views() AS c (name) LOOP
        EXECUTE format('DROP VIEW %I', name);
    END LOOP;
    -- Left by an interrupted drop of a model: not a partition any more.
    FOR name IN
        SELECT c.relname
        FROM embedding_models AS m
        JOIN pg_class AS c ON c.oid = to_regclass('embeddings_' || m.model_id)
        WHERE NOT c.relispartition
    LOOP
        EXECUTE format('DROP TABLE %I', name);
    END LOOP;
    FOR role_name IN
        SELECT r.rolname
        FROM pg_namespace AS n
        CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
        JOIN pg_roles AS r ON r.oid = a.grantee
        WHERE n.nspname = current_schema()
            AND r.rolname IN ('lookalike_analyst', 'lookalike_api', 'lookalike_worker')
    LOOP
        EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM %I', current_schema(), role_name);
    END LOOP;
    -- Alembic's own table stays.
    FOR role_name IN
        SELECT r.rolname
        FROM pg_roles AS r
        WHERE r.rolname IN ('lookalike_analyst', 'lookalike_api', 'lookalike_worker')
    LOOP
        EXECUTE format('REVOKE ALL ON alembic_version FROM %I', role_name);
    END LOOP;
END
$$;

DROP VIEW IF EXISTS
    brand_neighbours, category_coverage, duplicate_items, embedding_progress, item_embeddings,
    photo_embeddings, word_embeddings;

DO $$
BEGIN
    -- In one statement, since some depend on others.
    EXECUTE (
        SELECT 'DROP ROUTINE ' || string_agg(p.oid::regprocedure::text, ', ')
        FROM pg_proc AS p
        WHERE p.pronamespace = quote_ident(current_schema())::regnamespace
            AND p.proname IN (
                'apply_attributes', 'apply_columns', 'apply_filters', 'apply_overview',
                'apply_overviews', 'apply_result_type', 'attribute_columns', 'centroid',
                'check_filter', 'check_query', 'check_similarity', 'check_top_n', 'cohesion_views',
                'core_columns', 'cosine_similarity', 'drop_obsolete_columns', 'estimate_matches',
                'exact_search_limit', 'filter_condition', 'filter_items', 'grant_rights',
                'index_is_worthwhile', 'item_label', 'item_of', 'jsonb_booleans', 'jsonb_texts',
                'known_filters', 'label_cohesion', 'missing_columns', 'near_duplicates', 'nearest_items',
                'nearest_photo', 'obsolete_columns', 'plan_search', 'product_candidates', 'read_words',
                'refresh_neighbours', 'requested_ef_search', 'result_columns', 'scan_exactly',
                'scan_index', 'scan_whole_index', 'search_by_words', 'search_candidates',
                'search_items', 'similar_items', 'similar_to', 'text_embedding', 'text_features',
                'text_words', 'unknown_label', 'wanted_names', 'word_parts', 'word_spellings'
            )
    );
END
$$;

DROP TYPE similar_item;
DROP TABLE api_keys, neighbours, evaluations, embedding_jobs, embeddings, word_vectors,
    embedding_models, photos, items, attributes, catalogs;
DROP SEQUENCE item_ids;

DO $$
BEGIN
    DROP EXTENSION IF EXISTS vector;
EXCEPTION
    -- Other objects depend on it, or another role owns it.
    WHEN dependent_objects_still_exist OR insufficient_privilege THEN
        RAISE NOTICE 'extension vector stays: %', SQLERRM;
END
$$;
