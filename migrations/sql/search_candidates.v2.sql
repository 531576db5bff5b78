-- search_candidates.v2: a filtered search looks closely first and widely then, and ef_search can be set.

-- Loads pgvector: only a superuser may name settings that the server doesn't know yet.
SELECT '[1]'::vector;

-- Exact ordering of so many takes some tens of milliseconds, wherever the query lies. An index scan
-- that finds its filter's matches far away takes longer.
CREATE OR REPLACE FUNCTION exact_search_limit() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 25000;

-- The settings hold inside the function alone. Custom plans, since a good plan depends on top_n and
-- on the filter's values. No parallel ones: what is selected into variables runs in one process, and
-- such a plan is a bad one there.
CREATE OR REPLACE FUNCTION search_candidates(
    query halfvec,
    top_n integer,
    filter jsonb,
    excluded bigint[],
    OUT ids bigint[],
    OUT distances double precision[],
    OUT search text,
    OUT reason text,
    OUT ef_search integer,
    OUT candidates bigint
)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_custom_plan
SET max_parallel_workers_per_gather = 0
SET hnsw.iterative_scan = strict_order
SET hnsw.ef_search = 40
SET hnsw.max_scan_tuples = 20000
SET enable_sort = on
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    -- An operator or analyst may have searches try harder.
    wished CONSTANT text := nullif(current_setting('lookalike.ef_search', true), '');
    close_by integer := greatest(1, least(1000, greatest(coalesce(wished, '30')::integer, top_n + 10)));
    -- Matches that lie far from the query need many candidates at once: a scan that goes on from a
    -- few misses one in five.
    wide CONSTANT integer := greatest(400, close_by);
    efforts integer[] := ARRAY[close_by];
    matches bigint;
    index oid;
    vectors real;
    given bigint;
BEGIN
    IF top_n IS NULL OR top_n NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'top_n is %, it must be between 1 and 10000', coalesce(top_n::text, 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM check_filter(filter);

    IF NOT index_is_worthwhile() THEN
        efforts := '{}';
        reason := 'there are too few vectors for an index, or it is not built yet';
    ELSE
        SELECT to_regclass(t.name || '_hnsw'), c.reltuples INTO index, vectors
        FROM embedding_models AS m
        CROSS JOIN LATERAL (SELECT 'embeddings_' || m.model_id AS name) AS t
        JOIN pg_class AS c ON c.oid = to_regclass(t.name)
        WHERE m.active;
        IF filter <> '{}' THEN
            -- Twice as many as hold top_n matches, if these are spread evenly.
            matches := greatest(estimate_matches(filter), 1);
            close_by := greatest(close_by, least(2.0 * top_n * vectors / matches, 2 * wide));
            -- A close look has to be quick against what else there is to do.
            efforts := CASE
                WHEN close_by <= wide / 2 AND matches > exact_search_limit() / 10
                THEN ARRAY[close_by]
                ELSE '{}'
            END || CASE
                WHEN matches > exact_search_limit() THEN ARRAY[wide]
                ELSE '{}'
            END;
        END IF;
        reason := CASE efforts
            WHEN '{}' THEN 'the filter lets through so few products that comparing all is quick'
            ELSE 'the index ran short of products that match'
        END;
    END IF;

    given := pg_stat_get_xact_tuples_fetched(index);
    PERFORM set_config('enable_sort', 'off', true);
    FOREACH ef_search IN ARRAY efforts LOOP
        PERFORM set_config('hnsw.ef_search', ef_search::text, true);
        PERFORM set_config(
            'hnsw.iterative_scan',
            CASE WHEN filter = '{}' OR ef_search = wide THEN 'strict_order' ELSE 'off' END,
            true
        );
        SELECT array_agg(c.item_id), array_agg(c.distance) INTO ids, distances
        FROM (
            SELECT e.item_id, e.embedding <=> query AS distance
            FROM item_embeddings AS e
            JOIN filter_items(filter) AS i USING (item_id)
            WHERE e.item_id <> ALL (excluded)
            ORDER BY e.embedding <=> query
            LIMIT top_n
        ) AS c;
        candidates := pg_stat_get_xact_tuples_fetched(index) - given;
        IF coalesce(cardinality(ids), 0) >= top_n THEN
            search := 'approximate';
            reason := CASE
                WHEN filter = '{}' THEN 'there is no filter'
                WHEN ef_search = wide THEN 'the filter lets through many products'
                ELSE 'enough of what the filter lets through is close by'
            END;
            RETURN;
        END IF;
    END LOOP;

    -- The sum keeps the index out of it.
    search := 'exact';
    PERFORM set_config('enable_sort', 'on', true);
    SELECT array_agg(c.item_id), array_agg(c.distance) INTO ids, distances
    FROM (
        SELECT e.item_id, (e.embedding <=> query) + 0 AS distance
        FROM item_embeddings AS e
        JOIN filter_items(filter) AS i USING (item_id)
        WHERE e.item_id <> ALL (excluded)
        ORDER BY (e.embedding <=> query) + 0, e.item_id
        LIMIT top_n
    ) AS c;
END
$$;
COMMENT ON FUNCTION search_candidates(halfvec, integer, jsonb, bigint[]) IS
    'The search behind all others: ids and cosine distances, most similar first, as many as asked for whenever so many match; whether every match was compared or the index asked, and why; how many vectors the index gave. The index weighs 30 candidates, or as many as SET lookalike.ef_search says';
