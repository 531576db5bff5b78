-- search_candidates.v2.down: search as similar_items.v1 did.

-- Loads pgvector: only a superuser may name settings that the server doesn't know yet.
SELECT '[1]'::vector;

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
SET hnsw.iterative_scan = strict_order
SET hnsw.ef_search = 40
SET hnsw.max_scan_tuples = 20000
SET enable_sort = on
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    index CONSTANT oid := (
        SELECT to_regclass(format('embeddings_%s_hnsw', m.model_id))
        FROM embedding_models AS m
        WHERE m.active
    );
    given bigint;
BEGIN
    IF top_n IS NULL OR top_n NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'top_n is %, it must be between 1 and 10000', coalesce(top_n::text, 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM check_filter(filter);

    search := 'exact';
    IF NOT index_is_worthwhile() THEN
        reason := 'there are too few vectors for an index, or it is not built yet';
    ELSIF filter <> '{}' AND estimate_matches(filter) <= exact_search_limit() THEN
        reason := 'the filter lets through so few products that comparing all is quick';
    ELSE
        search := 'approximate';
        reason := CASE filter
            WHEN '{}' THEN 'there is no filter'
            ELSE 'the filter lets through many products'
        END;
        ef_search := greatest(40, least(1000, top_n + 10));
        PERFORM set_config('hnsw.ef_search', ef_search::text, true);
        IF filter <> '{}' THEN
            -- A query from outside the filter finds its matches late or never: give up soon.
            PERFORM set_config('hnsw.max_scan_tuples', greatest(2000, 4 * top_n)::text, true);
        END IF;
        PERFORM set_config('enable_sort', 'off', true);
        given := pg_stat_get_xact_tuples_fetched(index);
        SELECT array_agg(c.item_id), array_agg(c.distance) INTO ids, distances
        FROM (
            SELECT e.item_id, e.embedding <=> query AS distance
            FROM item_embeddings AS e
            JOIN filter_items(filter) AS i USING (item_id)
            WHERE e.item_id <> ALL (excluded)
            ORDER BY e.embedding <=> query
            LIMIT top_n
        ) AS c;
        PERFORM set_config('enable_sort', 'on', true);
        candidates := pg_stat_get_xact_tuples_fetched(index) - given;
        IF coalesce(cardinality(ids), 0) >= top_n THEN
            RETURN;
        END IF;
        search := 'exact';
        reason := 'the index ran short of products that match';
    END IF;

    -- The sum keeps the index out of it.
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

CREATE OR REPLACE FUNCTION exact_search_limit() RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 20000;
COMMENT ON FUNCTION search_candidates(halfvec, integer, jsonb, bigint[]) IS
    'The search behind all others: ids and cosine distances, most similar first, as many as asked for whenever so many match; whether every match was compared or the index asked, and why; how many vectors the index gave';
