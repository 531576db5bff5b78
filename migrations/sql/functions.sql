-- functions: the similarity search that the API, the command line and analysts share. May be run again.

-- The functions that apply_attributes creates don't exist yet.
SET LOCAL check_function_bodies = off;

CREATE OR REPLACE FUNCTION jsonb_texts(value jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(
    SELECT jsonb_array_elements_text(
        CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END
    )
);
COMMENT ON FUNCTION jsonb_texts(jsonb) IS 'The texts of a JSON array, or of a single JSON value';

CREATE OR REPLACE FUNCTION jsonb_booleans(value jsonb) RETURNS boolean[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_texts(value)::boolean[];
COMMENT ON FUNCTION jsonb_booleans(jsonb) IS 'The booleans of a JSON array, or of a single JSON value';

CREATE OR REPLACE FUNCTION item_of(sku text) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT i.item_id FROM items AS i WHERE i.sku = item_of.sku $$;
COMMENT ON FUNCTION item_of(text) IS 'The item_id of a sku; null if no product has it';

CREATE OR REPLACE FUNCTION known_filters() RETURNS TABLE (name text, type text)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT f.name, f.type
    FROM (
        SELECT a.ordinal, 0, a.name, a.type
        FROM attributes AS a
        WHERE a.filter AND a.type IN ('text', 'boolean', 'text[]')
        UNION ALL
        SELECT a.ordinal, e.place, a.name || e.ending, a.type
        FROM attributes AS a
        CROSS JOIN (VALUES (1, '_min'), (2, '_max')) AS e (place, ending)
        WHERE a.filter AND a.type IN ('integer', 'number', 'date')
        UNION ALL
        VALUES
            (1001, 0, 'brand_name', 'text'),
            (1002, 0, 'price_min', 'number'),
            (1003, 0, 'price_max', 'number'),
            (1004, 0, 'available', 'boolean')
    ) AS f (ordinal, place, name, type)
    ORDER BY f.ordinal, f.place
$$;
COMMENT ON FUNCTION known_filters() IS
    'The names that a filter may have and the types of their values. text, boolean and text[] take a value, or a list of values of which any may match';

-- Immutable, so that filter_items may call it in a plain condition: the planner evaluates it once,
-- before it looks at the values itself.
CREATE OR REPLACE FUNCTION check_filter(filter jsonb, names text[], types text[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    key text;
    given jsonb;
    wanted text;
    fits boolean;
BEGIN
    IF filter IS NULL OR filter IN ('{}', 'null') THEN
        RETURN true;
    END IF;
    IF jsonb_typeof(filter) <> 'object' THEN
        RAISE EXCEPTION 'filter is %, it must be a JSON object, such as {"brand_name": "Nike"}',
                left(filter::text, 100)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR key, given IN SELECT e.key, e.value FROM jsonb_each(filter) AS e LOOP
        wanted := types[array_position(names, key)];
        IF wanted IS NULL THEN
            RAISE EXCEPTION 'unknown filter "%"; known are %',
                    left(key, 100), array_to_string(names, ', ')
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
        CONTINUE WHEN jsonb_typeof(given) = 'null';
        fits := CASE wanted
            WHEN 'number' THEN jsonb_typeof(given) = 'number'
            WHEN 'integer' THEN jsonb_typeof(given) = 'number'
                AND given::numeric = trunc(given::numeric)
                AND given::numeric BETWEEN -9223372036854775808 AND 9223372036854775807
            WHEN 'date' THEN jsonb_typeof(given) = 'string'
                AND given #>> '{}' ~ '^\d{4}-\d{2}-\d{2}$'
                AND pg_input_is_valid(given #>> '{}', 'date')
            ELSE NOT EXISTS (
                SELECT
                FROM jsonb_array_elements(
                    CASE jsonb_typeof(given) WHEN 'array' THEN given ELSE jsonb_build_array(given) END
                ) AS e (value)
                WHERE jsonb_typeof(e.value)
                    <> CASE wanted WHEN 'boolean' THEN 'boolean' ELSE 'string' END
            )
        END;
        IF NOT fits THEN
            RAISE EXCEPTION 'filter % is %, it must be %', key, left(given::text, 100), CASE wanted
                    WHEN 'number' THEN 'a number'
                    WHEN 'integer' THEN 'an integer'
                    WHEN 'date' THEN 'a date, such as "2026-01-31"'
                    WHEN 'boolean' THEN 'true or false, or a list of them'
                    ELSE 'a text, or a list of texts'
                END
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
    END LOOP;
    RETURN true;
END
$$;
COMMENT ON FUNCTION check_filter(jsonb, text[], text[]) IS
    'A part of check_filter and filter_items: check a filter against the names that it may hold and their types';

CREATE OR REPLACE FUNCTION check_filter(filter jsonb) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    IF filter <> '{}' THEN
        PERFORM check_filter(filter, array_agg(k.name), array_agg(k.type)) FROM known_filters() AS k;
    END IF;
END
$$;
COMMENT ON FUNCTION check_filter(jsonb) IS
    'Raise an error that names what is wrong with a filter: an unknown name, or a value of another type. Null, in SQL or in JSON, means no filter';

CREATE OR REPLACE FUNCTION check_query(query halfvec) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
    model CONSTANT text := (SELECT m.name FROM embedding_models AS m WHERE m.active);
    wanted integer;
BEGIN
    -- From the view, not from the model's row: a statement that began before a switch of models sees
    -- the new view and the old row.
    SELECT vector_dims(e.embedding) INTO wanted FROM photo_embeddings AS e LIMIT 1;
    IF wanted IS NULL AND model IS NULL THEN
        RAISE EXCEPTION 'no embedding model is active yet'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run lookalike embed.';
    END IF;
    IF vector_dims(query) <> wanted THEN
        RAISE EXCEPTION 'the vector has % dimensions, those of the active model % have %',
                vector_dims(query), model, wanted
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF l2_norm(query) = 0 THEN
        RAISE EXCEPTION 'a vector of zeros has no direction, so nothing is similar to it'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION check_query(halfvec) IS
    'Raise an error unless a vector can be compared with those of the active model';

CREATE OR REPLACE FUNCTION check_similarity(min_similarity double precision) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF NOT min_similarity BETWEEN -1 AND 1 THEN
        RAISE EXCEPTION 'min_similarity is %, it must be between -1 and 1', min_similarity
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION check_similarity(double precision) IS
    'Raise an error unless a threshold is between -1 and 1, or null';

-- The planner's estimate, since counting would cost as much as the search. Volatile, since other
-- functions may not run EXPLAIN.
CREATE OR REPLACE FUNCTION estimate_matches(filter jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE format(
        'EXPLAIN (FORMAT JSON) SELECT FROM photo_embeddings JOIN filter_items(%L) USING (item_id)',
        filter
    ) INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric::bigint;
END
$$;
COMMENT ON FUNCTION estimate_matches(jsonb) IS
    'The planner''s estimate of how many photos with a vector match a filter';

-- Comparing a vector takes about a microsecond, so an exact search of this many takes some tens of
-- milliseconds. An index scan whose matches are far from the query takes longer.
CREATE OR REPLACE FUNCTION exact_search_limit() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 25000;
COMMENT ON FUNCTION exact_search_limit() IS
    'Filtered searches over at most this many photos are exact';

CREATE OR REPLACE FUNCTION index_is_worthwhile() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
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
    'Whether the active model has a valid index, over enough vectors for it to be faster than an exact search';

CREATE OR REPLACE FUNCTION requested_ef_search() RETURNS integer
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    given CONSTANT text := coalesce(nullif(current_setting('lookalike.ef_search', true), ''), '30');
BEGIN
    IF given !~ '^\d{1,4}$' OR given::integer NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'lookalike.ef_search is "%", it must be a number between 1 and 1000', given
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN given;
END
$$;
COMMENT ON FUNCTION requested_ef_search() IS
    'The least number of candidates of an index scan: 30, or the setting lookalike.ef_search';

-- How to search: the values of hnsw.ef_search to try in turn until enough products are found; after
-- the last, or without any, the search is exact. Like the other parts of search_candidates it avoids
-- statements, which are planned again for each search.
CREATE OR REPLACE FUNCTION plan_search(
    top_n integer,
    filter jsonb,
    vectors real,
    available real,
    OUT ef_schedule integer[],
    OUT filtered boolean,
    OUT reason text
)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    narrow_ef integer := greatest(requested_ef_search(), least(1000, top_n + 10));
    -- Matches far from the query need many candidates at once: an iterative scan that starts with few
    -- misses one in five.
    wide_ef CONSTANT integer := greatest(400, narrow_ef);
    matches bigint;
BEGIN
    ef_schedule := '{}';
    filtered := (filter - 'available') <> '{}' OR CASE
        WHEN filter -> 'available' @> '[true, false]' THEN false
        WHEN filter ? 'available' AND filter -> 'available' NOT IN ('true', '[true]') THEN true
        ELSE available < 0.98
    END;
    reason := 'the index ran short of products that match';
    IF vectors IS NULL OR vectors < 1000 THEN
        reason := 'there are too few vectors for an index, or it is not built yet';
    ELSIF NOT filtered THEN
        ef_schedule := ARRAY[narrow_ef];
    ELSE
        matches := greatest(estimate_matches(filter), 1);
        -- Twice as many as contain top_n matches if these are spread evenly.
        narrow_ef := greatest(narrow_ef, least(2.0 * top_n * vectors / matches, 2 * wide_ef));
        -- The first try pays only if it is much cheaper than the alternative.
        IF narrow_ef <= wide_ef / 2 AND matches > exact_search_limit() / 10 THEN
            ef_schedule := ARRAY[narrow_ef];
        END IF;
        IF matches > exact_search_limit() THEN
            ef_schedule := ef_schedule || wide_ef;
        END IF;
        IF ef_schedule = '{}' THEN
            reason := 'the filter lets through so few products that comparing all is quick';
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION plan_search(integer, jsonb, real, real) IS
    'A part of search_candidates: how to search, given the number of indexed vectors and the share of products that are available: the ef_search of each index scan to try, none if an exact search is as fast; whether the filter excludes anything; the reason if the search becomes exact';

CREATE OR REPLACE FUNCTION scan_index(
    query halfvec,
    photo_limit integer,
    filter jsonb,
    excluded bigint[],
    OUT ids bigint[],
    OUT distances double precision[],
    OUT positions smallint[]
)
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
BEGIN
    SELECT
        array_agg(p.item_id ORDER BY p.distance, p.item_id),
        array_agg(p.distance ORDER BY p.distance, p.item_id),
        array_agg(p.position ORDER BY p.distance, p.item_id)
    INTO ids, distances, positions
    FROM (
        SELECT DISTINCT ON (c.item_id) c.item_id, c.distance, c.position
        FROM (
            SELECT e.item_id, e.position, e.embedding <=> query AS distance
            FROM photo_embeddings AS e
            -- Only this column, since attributes may have the names of variables.
            JOIN (SELECT f.item_id FROM filter_items(scan_index.filter) AS f) AS i USING (item_id)
            WHERE e.item_id <> ALL (excluded)
            ORDER BY e.embedding <=> query
            LIMIT photo_limit
        ) AS c
        ORDER BY c.item_id, c.distance, c.position
    ) AS p;
END
$$;
COMMENT ON FUNCTION scan_index(halfvec, integer, jsonb, bigint[]) IS
    'A part of search_candidates: the products of the photo_limit nearest photos that match a filter, by the HNSW index';

-- Its plan is kept, unlike that of scan_index: it depends on no value, and planning would take as long
-- as the scan. The index is the only way to the order, since enable_sort is off when it is planned.
CREATE OR REPLACE FUNCTION scan_whole_index(
    query halfvec,
    photo_limit integer,
    unavailable_too boolean,
    excluded bigint[],
    OUT ids bigint[],
    OUT distances double precision[],
    OUT positions smallint[]
)
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    SELECT
        array_agg(p.item_id ORDER BY p.distance, p.item_id),
        array_agg(p.distance ORDER BY p.distance, p.item_id),
        array_agg(p.position ORDER BY p.distance, p.item_id)
    INTO ids, distances, positions
    FROM (
        SELECT DISTINCT ON (c.item_id) c.item_id, c.distance, c.position
        FROM (
            SELECT e.item_id, e.position, e.embedding <=> query AS distance
            FROM photo_embeddings AS e
            JOIN items AS i USING (item_id)
            WHERE e.item_id <> ALL (excluded) AND (i.available OR unavailable_too)
            ORDER BY e.embedding <=> query
            LIMIT photo_limit
        ) AS c
        ORDER BY c.item_id, c.distance, c.position
    ) AS p;
END
$$;
COMMENT ON FUNCTION scan_whole_index(halfvec, integer, boolean, bigint[]) IS
    'A part of search_candidates: the products of the photo_limit nearest photos by the HNSW index, available ones or all';

CREATE OR REPLACE FUNCTION scan_exactly(
    query halfvec,
    photo_limit integer,
    filter jsonb,
    excluded bigint[],
    OUT ids bigint[],
    OUT distances double precision[],
    OUT positions smallint[]
)
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
DECLARE
    applied text;
BEGIN
    applied := set_config('enable_sort', 'on', true);
    SELECT
        array_agg(p.item_id ORDER BY p.distance, p.item_id),
        array_agg(p.distance ORDER BY p.distance, p.item_id),
        array_agg(p.position ORDER BY p.distance, p.item_id)
    INTO ids, distances, positions
    FROM (
        SELECT DISTINCT ON (c.item_id) c.item_id, c.distance, c.position
        FROM (
            -- With + 0 the index can't be used.
            SELECT e.item_id, e.position, (e.embedding <=> query) + 0 AS distance
            FROM photo_embeddings AS e
            -- Only this column, since attributes may have the names of variables.
            JOIN (SELECT f.item_id FROM filter_items(scan_exactly.filter) AS f) AS i USING (item_id)
            WHERE e.item_id <> ALL (excluded)
            ORDER BY (e.embedding <=> query) + 0, e.item_id, e.position
            LIMIT photo_limit
        ) AS c
        ORDER BY c.item_id, c.distance, c.position
    ) AS p;
END
$$;
COMMENT ON FUNCTION scan_exactly(halfvec, integer, jsonb, bigint[]) IS
    'A part of search_candidates: the products of the photo_limit nearest photos, by comparing all that match';

-- The settings hold inside the function alone. Custom plans, since a good plan depends on top_n and
-- on the filter's values. No parallel ones: what is selected into variables runs in one process, and
-- such a plan is a bad one there. Settings of pgvector don't stand here: only a superuser may name
-- them in a function while pgvector is not loaded, as in a restore.
CREATE OR REPLACE FUNCTION search_candidates(
    query halfvec,
    top_n integer,
    filter jsonb,
    excluded bigint[],
    OUT ids bigint[],
    OUT distances double precision[],
    OUT positions smallint[],
    OUT search text,
    OUT reason text,
    OUT ef_search integer,
    OUT candidates bigint
)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_custom_plan
SET max_parallel_workers_per_gather = 0
SET enable_sort = on
SET enable_indexscan = on
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    -- Null means no filter, as a whole and for a key.
    given CONSTANT jsonb := coalesce(nullif(jsonb_strip_nulls(filter), 'null'), '{}');
    others bigint[];
    gallery record;
    plan record;
    found record;
    fetched bigint;
    photo_limit integer;
    applied text;
    old_ef_search text;
    old_iterative_scan text;
    old_max_scan_tuples text;
BEGIN
    IF top_n IS NULL OR top_n NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'top_n is %, it must be between 1 and 10000', coalesce(top_n::text, 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF filter <> '{}' THEN
        PERFORM check_filter(filter);
    END IF;
    IF array_ndims(excluded) > 1 THEN
        RAISE EXCEPTION 'excluded holds arrays, it must be a list of ids'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    others := array_remove(coalesce(excluded, '{}'), NULL);
    search := 'exact';
    IF query IS NULL THEN
        reason := 'there is no vector to compare with';
        RETURN;
    END IF;
    SELECT
        m.model_id,
        x.indexrelid AS index,
        CASE WHEN x.indisvalid THEN t.reltuples END AS vectors,
        c.available,
        (SELECT coalesce(max(p.position), 1) FROM photos AS p WHERE p.position > 1) AS photos_each
    INTO gallery
    FROM catalogs AS c
    LEFT JOIN embedding_models AS m ON m.active
    LEFT JOIN pg_class AS t ON t.oid = to_regclass('embeddings_' || m.model_id)
    LEFT JOIN pg_index AS x ON x.indexrelid = to_regclass('embeddings_' || m.model_id || '_hnsw');
    IF gallery.model_id IS NULL OR l2_norm(query) = 0 THEN
        PERFORM check_query(query);
    END IF;
    plan := plan_search(top_n, given, gallery.vectors, gallery.available);
    reason := plan.reason;

    BEGIN
        IF plan.ef_schedule <> '{}' THEN
            old_ef_search := current_setting('hnsw.ef_search');
            old_iterative_scan := current_setting('hnsw.iterative_scan');
            old_max_scan_tuples := current_setting('hnsw.max_scan_tuples');
            fetched := pg_stat_get_xact_tuples_fetched(gallery.index);
            applied := set_config('hnsw.max_scan_tuples', '20000', true);
            applied := set_config('enable_sort', 'off', true);
        END IF;
        FOREACH ef_search IN ARRAY plan.ef_schedule LOOP
            -- Enough photos for top_n products, if each has as many as the product with most (at
            -- most 4 are assumed; most products have fewer).
            photo_limit := top_n * least(gallery.photos_each, 4);
            applied := set_config('hnsw.ef_search', ef_search::text, true);
            applied := set_config(
                'hnsw.iterative_scan',
                CASE WHEN NOT plan.filtered OR ef_search >= 400 THEN 'strict_order' ELSE 'off' END,
                true
            );
            IF plan.filtered THEN
                found := scan_index(query, photo_limit, given, others);
            ELSE
                found := scan_whole_index(
                    query,
                    photo_limit,
                    coalesce(given -> 'available' @> '[true, false]', false),
                    others
                );
            END IF;
            candidates := pg_stat_get_xact_tuples_fetched(gallery.index) - fetched;
            IF coalesce(cardinality(found.ids), 0) >= top_n THEN
                search := 'approximate';
                reason := CASE
                    WHEN NOT plan.filtered THEN 'there is no filter'
                    WHEN ef_search >= 400 THEN 'the filter lets through many products'
                    ELSE 'enough of what the filter lets through is close by'
                END;
                EXIT;
            END IF;
        END LOOP;
        IF plan.ef_schedule <> '{}' THEN
            -- Unlike the function's own settings, these would last until the end of the transaction.
            applied := set_config('hnsw.ef_search', old_ef_search, true);
            applied := set_config('hnsw.iterative_scan', old_iterative_scan, true);
            applied := set_config('hnsw.max_scan_tuples', old_max_scan_tuples, true);
        END IF;
        IF search = 'exact' THEN
            found := scan_exactly(query, top_n * gallery.photos_each, given, others);
        END IF;
    EXCEPTION
        -- pgvector's message for a vector of the wrong length doesn't name the model.
        WHEN data_exception THEN
            PERFORM check_query(query);
            RAISE;
    END;
    ids := found.ids[:top_n];
    distances := found.distances[:top_n];
    positions := found.positions[:top_n];
END
$$;
COMMENT ON FUNCTION search_candidates(halfvec, integer, jsonb, bigint[]) IS
    'The search behind all others: ids, cosine distances and positions of the best photo, each product once, most similar first, as many as asked for whenever so many match; whether every match was compared or the index asked, and why; how many vectors the index gave. The index weighs 30 candidates, or as many as SET lookalike.ef_search says';

-- A function, so that the server keeps its plan whatever pooler the API is behind; the estimate of one
-- row lets it look up the rest by key.
CREATE OR REPLACE FUNCTION product_candidates(
    skus text[],
    item_ids bigint[],
    top_n integer,
    filter jsonb,
    all_photos boolean,
    OUT number bigint,
    OUT model text,
    OUT item_id bigint,
    OUT sku text,
    OUT photo smallint,
    OUT ids bigint[],
    OUT distances double precision[],
    OUT positions smallint[],
    OUT search text,
    OUT reason text,
    OUT ef_search integer,
    OUT candidates bigint
) RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 1
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT
        q.number, m.name, i.item_id, i.sku, e.position,
        s.ids, s.distances, s.positions, s.search, s.reason, s.ef_search, s.candidates
    FROM embedding_models AS m
    CROSS JOIN unnest(skus, item_ids) WITH ORDINALITY AS q (sku, item_id, number)
    CROSS JOIN LATERAL (
        SELECT found.item_id, found.sku
        FROM items AS found
        WHERE found.sku = q.sku OR found.item_id = q.item_id
        ORDER BY found.sku = q.sku DESC
        LIMIT 1
    ) AS i
    CROSS JOIN LATERAL (
        SELECT p.position, p.embedding
        FROM photo_embeddings AS p
        WHERE p.item_id = i.item_id
        ORDER BY p.position
        LIMIT CASE WHEN all_photos THEN NULL ELSE 1 END
    ) AS e
    CROSS JOIN LATERAL search_candidates(
        e.embedding, product_candidates.top_n, product_candidates.filter, ARRAY[i.item_id]
    ) AS s
    WHERE m.active;
END
$$;
COMMENT ON FUNCTION product_candidates(text[], bigint[], integer, jsonb, boolean) IS
    'search_candidates for several products, each named by its sku or its item_id, and compared by its first photo or by all: a row per photo, none for products without a vector. number is the place in the lists, photo the position of the photo';

CREATE OR REPLACE FUNCTION check_top_n(top_n integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF top_n IS NULL OR top_n NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'top_n is %, it must be between 1 and 1000', coalesce(top_n::text, 'null')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION check_top_n(integer) IS 'Raise an error unless top_n is between 1 and 1000';

CREATE OR REPLACE FUNCTION similar_items(
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
    PERFORM check_top_n(top_n);
    -- For a product without neighbours too, which no search is made for.
    PERFORM check_similarity(min_similarity);
    IF filter <> '{}' THEN
        PERFORM check_filter(filter);
    END IF;
    SELECT e.embedding INTO query
    FROM photo_embeddings AS e
    WHERE e.item_id = similar_items.item_id
    ORDER BY e.position
    LIMIT 1;
    IF FOUND THEN
        RETURN QUERY
        SELECT n.*
        FROM nearest_items(query, top_n, filter, min_similarity, ARRAY[similar_items.item_id]) AS n;
    END IF;
END
$$;
COMMENT ON FUNCTION similar_items(bigint, integer, jsonb, double precision) IS
    'The top_n products most similar to one by its first photo, most similar first, itself left out; no rows if it is unknown or has no vector. Example: SELECT * FROM similar_items(15970, 5, ''{"price_max": 1000}'')';

CREATE OR REPLACE FUNCTION similar_items(
    sku text,
    top_n integer DEFAULT 5,
    filter jsonb DEFAULT '{}',
    min_similarity double precision DEFAULT NULL
) RETURNS SETOF similar_item
LANGUAGE sql STABLE
AS $$ SELECT s.* FROM similar_items(item_of(sku), top_n, filter, min_similarity) AS s $$;
COMMENT ON FUNCTION similar_items(text, integer, jsonb, double precision) IS
    'The same for a product named by its sku. Example: SELECT * FROM similar_items(''TS-100-RED'')';

CREATE OR REPLACE FUNCTION refresh_neighbours(top_n integer DEFAULT 20) RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    active CONSTANT smallint := (SELECT m.model_id FROM embedding_models AS m WHERE m.active);
    stored bigint;
BEGIN
    PERFORM check_top_n(top_n);
    IF active IS NULL THEN
        RAISE EXCEPTION 'no embedding model is active yet'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run lookalike embed.';
    END IF;
    -- As lookalike neighbours does.
    PERFORM pg_advisory_xact_lock(hashtext('lookalike neighbours'));
    DELETE FROM neighbours AS n WHERE n.model_id = active;
    INSERT INTO neighbours (model_id, item_id, rank, neighbour_id, similarity)
    SELECT active, p.item_id, s.ordinality, s.item_id, s.similarity
    FROM (SELECT DISTINCT e.item_id FROM photo_embeddings AS e) AS p
    CROSS JOIN LATERAL similar_items(p.item_id, top_n) WITH ORDINALITY AS s;
    GET DIAGNOSTICS stored = ROW_COUNT;
    RETURN stored;
END
$$;
COMMENT ON FUNCTION refresh_neighbours(integer) IS
    'Replace the active model''s rows of neighbours by the top_n of similar_items for each product, and return how many there are. Takes a search for each, a minute for 40,000; lookalike neighbours --into-table stores the same by exact search, several times as fast';

CREATE OR REPLACE FUNCTION similar_to(
    embedding halfvec,
    top_n integer DEFAULT 5,
    filter jsonb DEFAULT '{}',
    min_similarity double precision DEFAULT NULL
) RETURNS SETOF similar_item
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    PERFORM check_top_n(top_n);
    RETURN QUERY SELECT n.* FROM nearest_items(embedding, top_n, filter, min_similarity, '{}') AS n;
END
$$;
COMMENT ON FUNCTION similar_to(halfvec, integer, jsonb, double precision) IS
    'The top_n products most similar to a vector of the active model, most similar first; no rows for null. Example: SELECT * FROM similar_to(centroid(ARRAY[10001, 10002]), 5)';

CREATE OR REPLACE FUNCTION cosine_similarity(item_a bigint, item_b bigint) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT 1 - greatest(a.embedding <=> b.embedding, 0)
    FROM item_embeddings AS a
    CROSS JOIN item_embeddings AS b
    WHERE a.item_id = item_a AND b.item_id = item_b
$$;
COMMENT ON FUNCTION cosine_similarity(bigint, bigint) IS
    'How alike the first photos of two products look, -1 to 1, by the active model; null where one of them has no vector';

CREATE OR REPLACE FUNCTION cosine_similarity(sku_a text, sku_b text) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT cosine_similarity(item_of(sku_a), item_of(sku_b)) $$;
COMMENT ON FUNCTION cosine_similarity(text, text) IS 'The same for products named by their skus';

-- One plain SELECT, so that the planner inlines it: with a condition on item_id only those products
-- are searched for. Products with the same file are left out of the search, so that they don't
-- displace others; the second part lists them all.
CREATE OR REPLACE FUNCTION near_duplicates(max_distance double precision)
RETURNS TABLE (
    item_id bigint, duplicate_id bigint, distance double precision, same_file boolean
)
LANGUAGE sql STABLE
AS $$
    SELECT i.item_id, n.duplicate_id, n.distance, false
    FROM items AS i
    CROSS JOIN LATERAL (
        SELECT c.item_id AS duplicate_id, greatest(min(c.distance), 0) AS distance
        FROM photo_embeddings AS e
        CROSS JOIN LATERAL search_candidates(
            e.embedding,
            20,
            '{"available": [true, false]}',
            ARRAY(
                SELECT q.item_id
                FROM photos AS p
                JOIN photos AS q USING (sha256)
                WHERE p.item_id = i.item_id
            )
        ) AS s
        CROSS JOIN LATERAL unnest(s.ids, s.distances) AS c (item_id, distance)
        WHERE e.item_id = i.item_id
            AND c.item_id > i.item_id
            AND c.distance <= near_duplicates.max_distance
        GROUP BY c.item_id
    ) AS n
    WHERE i.removed_at IS NULL
    UNION ALL
    SELECT DISTINCT i.item_id, j.item_id, 0::double precision, true
    FROM items AS i
    JOIN photos AS p USING (item_id)
    JOIN photos AS q ON q.sha256 = p.sha256 AND q.item_id > p.item_id
    JOIN items AS j ON j.item_id = q.item_id
    WHERE i.removed_at IS NULL AND j.removed_at IS NULL
$$;
COMMENT ON FUNCTION near_duplicates(double precision) IS
    'Pairs of listed products with the same photo, or with photos within a cosine distance of each other among a photo''s 20 nearest; each pair once. Costs a search per photo: use WHERE item_id = … or BETWEEN … AND …. Example: SELECT * FROM near_duplicates(0.05) WHERE item_id = 15970';

CREATE OR REPLACE FUNCTION centroid(ids bigint[]) RETURNS halfvec
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    -- In single precision, so that it is rounded once.
    SELECT l2_normalize(m.mean)::halfvec
    FROM (
        SELECT avg(e.embedding::vector) AS mean
        FROM item_embeddings AS e
        WHERE e.item_id = ANY (ids)
    ) AS m
    WHERE vector_norm(m.mean) > 0
$$;
COMMENT ON FUNCTION centroid(bigint[]) IS
    'The mean of products'' vectors, of length 1: what they have in common. Each counts once, one without a vector, or null, not at all; null where none has a vector. A literal needs its type: ''{10001, 10002}''::bigint[]';

CREATE OR REPLACE FUNCTION centroid(skus text[]) RETURNS halfvec
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT centroid(ARRAY(SELECT i.item_id FROM items AS i WHERE i.sku = ANY (skus))) $$;
COMMENT ON FUNCTION centroid(text[]) IS
    'The same for products named by their skus: ARRAY[''TS-100-RED'', ''TS-200''], or ''{TS-100-RED, TS-200}''::text[]';

CREATE OR REPLACE FUNCTION unknown_label(label text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RAISE EXCEPTION 'unknown label "%"; known are %', coalesce(left(label, 100), 'null'), (
            SELECT string_agg(l.name, ', ' ORDER BY l.ordinal)
            FROM (
                SELECT a.name, a.ordinal FROM attributes AS a WHERE a.type IN ('text', 'boolean')
                UNION ALL
                VALUES ('brand_name', 1001)
            ) AS l
        )
        USING ERRCODE = 'invalid_parameter_value';
END
$$;
COMMENT ON FUNCTION unknown_label(text) IS 'Raise an error that lists the labels of products';

-- One plain SELECT, so that the planner inlines it: with a condition on the label, a view over it
-- then searches for that label only.
CREATE OR REPLACE FUNCTION label_cohesion(
    label text, sample integer DEFAULT 20, top_n integer DEFAULT 5
)
RETURNS TABLE (value text, products bigint, asked bigint, percent numeric, chance numeric)
LANGUAGE sql STABLE
AS $$
    WITH labelled AS (
        SELECT i.item_id, item_label(i.*, label_cohesion.label) AS value
        FROM item_embeddings AS e
        JOIN items AS i USING (item_id)
    ),
    numbered AS (
        SELECT
            l.item_id,
            l.value,
            count(*) OVER (PARTITION BY l.value) AS products,
            -- The hash mixes old and new products, and selects the same ones each time.
            row_number() OVER (PARTITION BY l.value ORDER BY hashint8(l.item_id), l.item_id) AS number
        FROM labelled AS l
        WHERE l.value IS NOT NULL
    )
    SELECT
        p.value,
        max(p.products),
        count(*),
        round(100 * sum(n.alike) / nullif(sum(n.found), 0), 1),
        round(
            100 * (max(p.products) - 1)::numeric
                / nullif((SELECT count(*) FROM labelled) - 1, 0),
            1
        )
    FROM numbered AS p
    CROSS JOIN LATERAL (
        SELECT count(*) AS found, count(*) FILTER (WHERE item_label(o.*, label_cohesion.label) = p.value) AS alike
        FROM similar_items(p.item_id, label_cohesion.top_n) AS s
        JOIN items AS o USING (item_id)
    ) AS n
    WHERE p.number <= coalesce(sample, 20)
    GROUP BY p.value
$$;
COMMENT ON FUNCTION label_cohesion(text, integer, integer) IS
    'How often a product''s top_n nearest share its label, by value of the label (a text or boolean attribute, or brand_name): products with that value, how many of them were asked about, percent of their neighbours that share it, percent that would by chance. Costs a search for each product asked about, at most sample for a value';
