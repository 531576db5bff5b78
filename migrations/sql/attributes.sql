-- attributes: the columns, filters, result type and views that follow from the table attributes. May
-- be run again.

CREATE OR REPLACE PROCEDURE apply_attributes()
LANGUAGE plpgsql
SET quote_all_identifiers = off  -- the same text on each server
AS $$
BEGIN
    CALL drop_obsolete_columns();
    CALL apply_columns();
    CALL apply_result_type();
    CALL apply_filters();
    CALL apply_overviews();
    IF to_regprocedure('grant_rights()') IS NOT NULL THEN
        CALL grant_rights();
    END IF;
END
$$;
COMMENT ON PROCEDURE apply_attributes() IS
    'Create the columns, indexes, filters, result type and views for the table attributes; a column that is no longer declared is dropped with its values. May be called again at any time';

CREATE OR REPLACE FUNCTION core_columns() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[
    'item_id', 'sku', 'product_display_name', 'brand_name', 'price', 'discounted_price', 'available',
    'details', 'created_at', 'updated_at', 'removed_at', 'name_search'
];
COMMENT ON FUNCTION core_columns() IS 'The columns of items in every catalog';

CREATE OR REPLACE FUNCTION attribute_columns()
RETURNS TABLE (name text, ordinal smallint, type text, sql_type text, filter boolean)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT
        a.name,
        a.ordinal,
        a.type,
        CASE a.type WHEN 'integer' THEN 'bigint' WHEN 'number' THEN 'numeric' ELSE a.type END,
        a.filter
    FROM attributes AS a
    ORDER BY a.ordinal
$$;
COMMENT ON FUNCTION attribute_columns() IS 'The declared attributes with the types of their columns';

-- An attribute whose type changed is dropped too, and created again.
CREATE OR REPLACE FUNCTION obsolete_columns(relation regclass) RETURNS SETOF text
LANGUAGE sql STABLE
AS $$
    SELECT c.attname::text
    FROM pg_attribute AS c
    LEFT JOIN attribute_columns() AS d ON d.name = c.attname
    WHERE c.attrelid = relation AND c.attnum > 0 AND NOT c.attisdropped
        AND c.attname <> ALL (core_columns())
        AND c.attname NOT IN ('similarity', 'distance', 'photo_position', 'search')
        AND d.sql_type IS DISTINCT FROM format_type(c.atttypid, c.atttypmod)
$$;
COMMENT ON FUNCTION obsolete_columns(regclass) IS
    'The columns of items or similar_item that are not declared in attributes with the same type';

CREATE OR REPLACE PROCEDURE drop_obsolete_columns()
LANGUAGE plpgsql
AS $$
DECLARE
    name text;
BEGIN
    IF EXISTS (SELECT FROM obsolete_columns('items'))
        OR EXISTS (SELECT FROM obsolete_columns('similar_item'))
    THEN
        -- They may use the columns; apply_overviews creates them again.
        FOR name IN SELECT c.name FROM cohesion_views() AS c (name) LOOP
            EXECUTE format('DROP VIEW %I', name);
        END LOOP;
        DROP VIEW IF EXISTS brand_neighbours, category_coverage;
    END IF;
    FOR name IN SELECT c.name FROM obsolete_columns('items') AS c (name) LOOP
        EXECUTE format('ALTER TABLE items DROP COLUMN %I', name);
    END LOOP;
    FOR name IN SELECT c.name FROM obsolete_columns('similar_item') AS c (name) LOOP
        EXECUTE format('ALTER TYPE similar_item DROP ATTRIBUTE %I', name);
    END LOOP;
END
$$;
COMMENT ON PROCEDURE drop_obsolete_columns() IS
    'A part of apply_attributes: drop the columns that are no longer declared, with their values';

CREATE OR REPLACE FUNCTION missing_columns(relation regclass)
RETURNS TABLE (name text, sql_type text)
LANGUAGE sql STABLE
AS $$
    SELECT d.name, d.sql_type
    FROM attribute_columns() AS d
    WHERE NOT EXISTS (
        SELECT
        FROM pg_attribute AS c
        WHERE c.attrelid = relation AND c.attname = d.name AND NOT c.attisdropped
    )
    ORDER BY d.ordinal
$$;
COMMENT ON FUNCTION missing_columns(regclass) IS
    'The declared attributes without a column in items or similar_item';

CREATE OR REPLACE PROCEDURE apply_columns()
LANGUAGE plpgsql
AS $$
DECLARE
    a record;
    index text;
BEGIN
    FOR a IN SELECT m.* FROM missing_columns('items') AS m LOOP
        EXECUTE format('ALTER TABLE items ADD COLUMN %I %s', a.name, a.sql_type);
    END LOOP;
    FOR a IN SELECT d.* FROM attributes AS d ORDER BY d.ordinal LOOP
        EXECUTE format(
            'COMMENT ON COLUMN items.%I IS %L', a.name, coalesce(nullif(a.description, ''), a.label)
        );
        index := 'items_' || a.name;
        IF a.filter AND a.type <> 'boolean' THEN
            EXECUTE format(
                'CREATE INDEX IF NOT EXISTS %I ON items USING %s (%I)',
                index, CASE a.type WHEN 'text[]' THEN 'gin' ELSE 'btree' END, a.name
            );
        ELSE
            EXECUTE format('DROP INDEX IF EXISTS %I', index);
        END IF;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE apply_columns() IS 'A part of apply_attributes: the columns of items and their indexes';

CREATE OR REPLACE PROCEDURE apply_result_type()
LANGUAGE plpgsql
AS $$
DECLARE
    a record;
BEGIN
    FOR a IN SELECT m.* FROM missing_columns('similar_item') AS m LOOP
        EXECUTE format('ALTER TYPE similar_item ADD ATTRIBUTE %I %s', a.name, a.sql_type);
    END LOOP;
END
$$;
COMMENT ON PROCEDURE apply_result_type() IS 'A part of apply_attributes: the columns of similar_item';

CREATE OR REPLACE FUNCTION filter_condition(name text, type text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN type IN ('text', 'boolean') THEN format(
        '(filter_items.filter ->> %1$L IS NULL OR i.%1$I = ANY (%2$s(filter_items.filter -> %1$L)))',
        name, CASE type WHEN 'text' THEN 'jsonb_texts' ELSE 'jsonb_booleans' END
    )
    WHEN type = 'text[]' THEN format(
        '(filter_items.filter ->> %1$L IS NULL OR i.%1$I && jsonb_texts(filter_items.filter -> %1$L))', name
    )
    ELSE format(
        '(filter_items.filter ->> %2$L IS NULL OR i.%1$I >= (filter_items.filter ->> %2$L)::%4$s)
        AND (filter_items.filter ->> %3$L IS NULL OR i.%1$I <= (filter_items.filter ->> %3$L)::%4$s)',
        name, name || '_min', name || '_max',
        CASE type WHEN 'integer' THEN 'numeric::bigint' WHEN 'number' THEN 'numeric' ELSE type END
    )
END;
COMMENT ON FUNCTION filter_condition(text, text) IS
    'The SQL condition of a filter on a column of items; true if the filter lacks the key or it is null';

CREATE OR REPLACE FUNCTION result_columns(distance text, search text) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT string_agg(
        CASE
            WHEN a.attname = 'similarity' THEN '1 - ' || result_columns.distance
            WHEN a.attname = 'distance' THEN result_columns.distance
            WHEN a.attname = 'photo_position' THEN 'c.photo_position'
            WHEN a.attname = 'search' THEN result_columns.search
            ELSE format('i.%I', a.attname)
        END,
        ', ' ORDER BY a.attnum
    )
    FROM pg_attribute AS a
    WHERE a.attrelid = 'similar_item'::regclass AND a.attnum > 0 AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION result_columns(text, text) IS
    'A part of apply_filters: the columns of similar_item, in terms of items AS i and of candidates AS c';

-- The functions whose text depends on the declaration. filter_items and item_label are one plain
-- SELECT, so that the planner inlines them and sees the values; a condition whose key the filter lacks
-- folds to true. The parameter is qualified, since an attribute may be called filter.
CREATE OR REPLACE PROCEDURE apply_filters()
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format(
        $function$
CREATE OR REPLACE FUNCTION filter_items(filter jsonb) RETURNS SETOF items
LANGUAGE sql STABLE PARALLEL SAFE
AS $body$
    SELECT i.*
    FROM items AS i
    WHERE check_filter(filter_items.filter, %L, %L)
        AND i.removed_at IS NULL
        AND CASE
            WHEN filter_items.filter ->> 'available' IS NULL THEN i.available
            ELSE i.available = ANY (jsonb_booleans(filter_items.filter -> 'available'))
        END
        AND %s
$body$
        $function$,
        ARRAY(SELECT k.name FROM known_filters() AS k),
        ARRAY(SELECT k.type FROM known_filters() AS k),
        (
            SELECT string_agg(filter_condition(f.name, f.type), E'\n        AND ' ORDER BY f.ordinal)
            FROM (
                SELECT a.name, a.type, a.ordinal FROM attribute_columns() AS a WHERE a.filter
                UNION ALL
                VALUES ('brand_name', 'text', 1001), ('price', 'number', 1002)
            ) AS f
        )
    );
    COMMENT ON FUNCTION filter_items(jsonb) IS
        'The listed products that match a filter, such as {"brand_name": ["Nike", "Puma"], "price_max": 2000}; only available ones, unless it has {"available": [true, false]}. known_filters() lists the names';

    EXECUTE format(
        $function$
CREATE OR REPLACE FUNCTION item_label(item items, label text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $body$
    SELECT CASE label
        WHEN 'brand_name' THEN item.brand_name%s
        ELSE unknown_label(label)
    END
$body$
        $function$,
        (
            SELECT string_agg(
                format(E'\n        WHEN %1$L THEN item.%1$I::text', a.name), '' ORDER BY a.ordinal
            )
            FROM attribute_columns() AS a
            WHERE a.type IN ('text', 'boolean')
        )
    );
    COMMENT ON FUNCTION item_label(items, text) IS
        'A label of a product by name: a text or boolean attribute, or brand_name';

    EXECUTE format(
        $function$
CREATE OR REPLACE FUNCTION nearest_items(
    query halfvec, top_n integer, filter jsonb, min_similarity double precision, excluded bigint[]
) RETURNS SETOF similar_item
LANGUAGE sql STABLE
AS $body$
    SELECT %s
    FROM check_similarity(min_similarity) AS checked
    CROSS JOIN search_candidates(query, top_n, filter, excluded) AS s
    CROSS JOIN LATERAL unnest(s.ids, s.distances, s.positions)
        AS c (item_id, distance, photo_position)
    JOIN items AS i USING (item_id)
    WHERE min_similarity IS NULL OR 1 - greatest(c.distance, 0) >= min_similarity
    ORDER BY c.distance, i.item_id
$body$
        $function$,
        result_columns('greatest(c.distance, 0)', 's.search')
    );
    COMMENT ON FUNCTION nearest_items(halfvec, integer, jsonb, double precision, bigint[]) IS
        'The products nearest to a vector of the active model by cosine distance, without the excluded ones: top_n whenever so many match the filter; no rows for null';

    EXECUTE format(
        $function$
CREATE OR REPLACE FUNCTION search_items(
    query text, top_n integer DEFAULT 5, filter jsonb DEFAULT '{}'
) RETURNS SETOF similar_item
LANGUAGE sql STABLE
AS $body$
    SELECT %s
    FROM search_by_words(query, text_embedding(query), top_n, filter, false) WITH ORDINALITY
        AS c (item_id, score, text_rank, look_rank, distance, photo_position, place)
    JOIN items AS i USING (item_id)
    ORDER BY c.place
$body$
        $function$,
        result_columns('c.distance', $search$
        CASE
            WHEN c.look_rank IS NULL THEN 'words' WHEN c.text_rank IS NULL THEN 'look' ELSE 'both'
        END$search$)
    );
    COMMENT ON FUNCTION search_items(text, integer, jsonb) IS
        'The products that a text finds, by their names and brands and by how they look, best first; search says which: words, look or both. similarity is that of the photo with the text. Example: SELECT * FROM search_items(''red floral dress'', 10, ''{"price_max": 1000}'')';
END
$$;
COMMENT ON PROCEDURE apply_filters() IS
    'A part of apply_attributes: the functions whose columns or conditions depend on the declaration';

CREATE OR REPLACE PROCEDURE apply_overview(name text, definition text)
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE VIEW %I AS %s', name, definition);
EXCEPTION
    -- Its columns changed. If views of analysts depend on it, DROP fails.
    WHEN invalid_table_definition THEN
        EXECUTE format('DROP VIEW %I', name);
        EXECUTE format('CREATE VIEW %I AS %s', name, definition);
END
$$;
COMMENT ON PROCEDURE apply_overview(text, text) IS 'A part of apply_attributes: create or replace a view';

CREATE OR REPLACE FUNCTION cohesion_views() RETURNS SETOF text
LANGUAGE sql STABLE
AS $$
    SELECT c.relname::text
    FROM pg_class AS c
    WHERE c.relkind = 'v' AND c.relnamespace = quote_ident(current_schema())::regnamespace
        AND obj_description(c.oid, 'pg_class') LIKE 'How far products of one value of % look alike: %'
$$;
COMMENT ON FUNCTION cohesion_views() IS 'The views that apply_attributes created for attributes with a cohesion_view';

CREATE OR REPLACE PROCEDURE apply_overviews()
LANGUAGE plpgsql
AS $$
DECLARE
    levels CONSTANT text[] := ARRAY(
        SELECT d.name FROM attributes AS d WHERE d.category ORDER BY d.ordinal
    );
    finest CONSTANT text := levels[cardinality(levels)];
    grouping CONSTANT text := (
        SELECT string_agg(format('i.%I', d.name), ', ' ORDER BY d.ordinal)
        FROM attributes AS d
        WHERE d.category
    );
    view text;
    a record;
    column_name text;
BEGIN
    FOR view IN
        SELECT c.name
        FROM cohesion_views() AS c (name)
        WHERE c.name NOT IN (
            SELECT d.cohesion_view FROM attributes AS d WHERE d.cohesion_view IS NOT NULL
        )
    LOOP
        EXECUTE format('DROP VIEW %I', view);
    END LOOP;

    FOR a IN SELECT d.* FROM attributes AS d WHERE d.cohesion_view IS NOT NULL LOOP
        CALL apply_overview(a.cohesion_view, format(
            'SELECT c.value AS %1$I, c.products, c.asked, c.percent, c.chance FROM label_cohesion(%1$L) AS c',
            a.name
        ));
        EXECUTE format('COMMENT ON VIEW %I IS %L', a.cohesion_view, format(
            'How far products of one value of %1$s look alike: how often the five nearest share it. Costs 20 searches a value, some seconds in all; with WHERE %1$s = … for that value alone',
            a.name
        ));
        EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', a.cohesion_view, a.name, a.label);
        EXECUTE format(
            $comments$
            COMMENT ON COLUMN %1$I.products IS 'Listed products of that value that have a vector';
            COMMENT ON COLUMN %1$I.asked IS 'How many of them were used as queries: all, or 20, always the same';
            COMMENT ON COLUMN %1$I.percent IS 'Of their five nearest, how many in a hundred have that value';
            COMMENT ON COLUMN %1$I.chance IS 'How many would if neighbours were random';
            $comments$,
            a.cohesion_view
        );
    END LOOP;

    CALL apply_overview('brand_neighbours', format(
        'SELECT i.item_id, %1$s i.brand_name, s.ordinality AS place, s.item_id AS neighbour_id,
            %2$s s.brand_name AS neighbour_brand_name, s.similarity
        FROM items AS i
        CROSS JOIN LATERAL similar_items(i.item_id, 20) WITH ORDINALITY AS s
        WHERE i.removed_at IS NULL AND s.brand_name <> i.brand_name',
        CASE WHEN finest IS NOT NULL THEN format('i.%I,', finest) END,
        CASE
            WHEN finest IS NOT NULL THEN format('s.%I AS %I,', finest, 'neighbour_' || finest)
        END
    ));
    COMMENT ON VIEW brand_neighbours IS
        'Those of a product''s 20 nearest that are of another brand. Costs a search per product, minutes for a whole catalog: use WHERE item_id = … or brand_name = …';
    COMMENT ON COLUMN brand_neighbours.item_id IS 'The product';
    COMMENT ON COLUMN brand_neighbours.brand_name IS 'Its brand; products without one are left out';
    COMMENT ON COLUMN brand_neighbours.place IS 'The neighbour''s rank among its 20 nearest, 1 for the most similar';
    COMMENT ON COLUMN brand_neighbours.neighbour_id IS 'The neighbour';
    COMMENT ON COLUMN brand_neighbours.neighbour_brand_name IS 'The neighbour''s brand';
    COMMENT ON COLUMN brand_neighbours.similarity IS 'How alike the two look, -1 to 1';
    IF finest IS NOT NULL THEN
        EXECUTE format(
            $comments$
            COMMENT ON COLUMN brand_neighbours.%I IS 'Its finest category';
            COMMENT ON COLUMN brand_neighbours.%I IS 'The neighbour''s finest category';
            $comments$,
            finest, 'neighbour_' || finest
        );
    END IF;

    CALL apply_overview('category_coverage', format(
        'SELECT %1$s count(*) AS items, count(p.item_id) AS with_photo, count(e.item_id) AS embedded,
            round(100.0 * count(e.item_id) / nullif(count(*), 0), 1) AS percent
        FROM items AS i
        LEFT JOIN photos AS p ON p.item_id = i.item_id AND p.position = 1
        LEFT JOIN item_embeddings AS e ON e.item_id = i.item_id
        WHERE i.removed_at IS NULL
        GROUP BY %2$s',
        coalesce(grouping || ',', ''),
        coalesce(grouping, '()')
    ));
    COMMENT ON VIEW category_coverage IS
        'How much of each category searches can find with the active model. Costs one pass over the products';
    COMMENT ON COLUMN category_coverage.items IS 'Listed products';
    COMMENT ON COLUMN category_coverage.with_photo IS 'Those that have a first photo';
    COMMENT ON COLUMN category_coverage.embedded IS 'Those whose first photo has a vector, so that searches find them';
    COMMENT ON COLUMN category_coverage.percent IS '100 × embedded / items';
    FOREACH column_name IN ARRAY levels LOOP
        EXECUTE format('COMMENT ON COLUMN category_coverage.%I IS %L', column_name, (
            SELECT coalesce(nullif(d.description, ''), d.label)
            FROM attributes AS d
            WHERE d.name = column_name
        ));
    END LOOP;
END
$$;
COMMENT ON PROCEDURE apply_overviews() IS
    'A part of apply_attributes: the views brand_neighbours and category_coverage, and one for each attribute with a cohesion_view';

CALL apply_attributes();
