-- similar_items.v1: the similarity search that the API, the command line and analysts share.

CREATE TYPE similar_item AS (
    item_id bigint,
    similarity double precision,
    distance double precision,
    product_display_name text,
    gender text,
    master_category text,
    sub_category text,
    article_type text,
    base_colour text,
    season text,
    year integer,
    usage text,
    brand_name text,
    price numeric,
    discounted_price numeric,
    search text
);
COMMENT ON TYPE similar_item IS 'A row of a similarity search; search is exact or approximate';

-- The planner's guess, since counting would cost as much as the search. Volatile, as EXPLAIN is
-- refused in other functions.
CREATE FUNCTION estimate_matches(filter jsonb) RETURNS bigint LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE format(
        'EXPLAIN (FORMAT JSON) SELECT FROM item_embeddings JOIN filter_items(%L) USING (item_id)',
        filter
    ) INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric::bigint;
END
$$;
COMMENT ON FUNCTION estimate_matches(jsonb) IS
    'About how many products with a vector a filter lets through, by the planner''s statistics';

-- Comparing a vector costs about a microsecond, so exact ordering of this many takes some tens of
-- milliseconds: less than an index scan that finds its filter's matches far away.
CREATE FUNCTION exact_search_limit() RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 20000;
COMMENT ON FUNCTION exact_search_limit() IS 'Filtered searches over at most this many items are exact';

CREATE FUNCTION index_is_worthwhile() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT EXISTS (
        SELECT
        FROM embedding_models AS m
        JOIN pg_class AS t ON t.oid = to_regclass('embeddings_' || m.model_id)
        JOIN pg_index AS x ON x.indrelid = t.oid AND x.indisvalid
        JOIN pg_class AS c ON c.oid = x.indexrelid
        JOIN pg_am AS a ON a.oid = c.relam AND a.amname = 'hnsw'
        WHERE m.active AND t.reltuples >= 1000
    )
$$;
COMMENT ON FUNCTION index_is_worthwhile() IS
    'Whether the active model has a valid index over so many vectors that comparing all costs more';

-- The settings hold inside the function alone. Custom plans, since a good plan depends on top_n
-- and on the filter's values.
CREATE FUNCTION search_candidates(
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
COMMENT ON FUNCTION search_candidates(halfvec, integer, jsonb, bigint[]) IS
    'The search behind all others: ids and cosine distances, most similar first, as many as asked for whenever so many match; whether every match was compared or the index asked, and why; how many vectors the index gave';

CREATE FUNCTION nearest_items(
    query halfvec, top_n integer, filter jsonb, min_similarity double precision, excluded bigint[]
) RETURNS SETOF similar_item
LANGUAGE sql STABLE
AS $$
    SELECT
        i.item_id, 1 - greatest(c.distance, 0), greatest(c.distance, 0), i.product_display_name,
        i.gender, i.master_category, i.sub_category, i.article_type, i.base_colour, i.season,
        i.year, i.usage, i.brand_name, i.price, i.discounted_price, s.search
    FROM search_candidates(query, top_n, filter, excluded) AS s
    CROSS JOIN LATERAL unnest(s.ids, s.distances) AS c (item_id, distance)
    JOIN items AS i USING (item_id)
    WHERE min_similarity IS NULL OR 1 - greatest(c.distance, 0) >= min_similarity
    ORDER BY c.distance, i.item_id
$$;
COMMENT ON FUNCTION nearest_items(halfvec, integer, jsonb, double precision, bigint[]) IS
    'The products nearest to a vector of the active model by cosine distance, the excluded ones left out: as many as asked for whenever so many match the filter';

CREATE FUNCTION similar_items(
    item_id bigint,
    top_n integer DEFAULT 5,
    filter jsonb DEFAULT '{}',
    min_similarity double precision DEFAULT NULL
) RETURNS SETOF similar_item
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
DECLARE
    query halfvec;
BEGIN
    IF top_n IS NULL OR top_n NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'top_n is %, it must be between 1 and 1000', coalesce(top_n::text, 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT e.embedding INTO query FROM item_embeddings AS e WHERE e.item_id = similar_items.item_id;
    IF FOUND THEN
        RETURN QUERY
        SELECT *
        FROM nearest_items(query, top_n, filter, min_similarity, ARRAY[similar_items.item_id]);
    END IF;
END
$$;
COMMENT ON FUNCTION similar_items(bigint, integer, jsonb, double precision) IS
    'The top_n products most similar to one, most similar first, itself left out; no rows if it is unknown or has no vector. Example: SELECT * FROM similar_items(15970, 5, ''{"gender": "Men"}'')';
