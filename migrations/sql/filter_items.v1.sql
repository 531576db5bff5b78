-- filter_items.v1: the filters of the API, as SQL: every search and listing goes through them.

CREATE FUNCTION jsonb_text_array(value jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(
    SELECT jsonb_array_elements_text(
        CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END
    )
);
COMMENT ON FUNCTION jsonb_text_array(jsonb) IS 'The texts of a JSON array, or the one text of a JSON value';

-- One plain SELECT, so that the planner inlines it and sees the values; each condition whose key
-- the filter lacks folds to true.
CREATE FUNCTION filter_items(filter jsonb) RETURNS SETOF items
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT i.*
    FROM items AS i
    WHERE i.removed_at IS NULL
        AND (filter -> 'gender' IS NULL OR i.gender = ANY (jsonb_text_array(filter -> 'gender')))
        AND (filter -> 'master_category' IS NULL
            OR i.master_category = ANY (jsonb_text_array(filter -> 'master_category')))
        AND (filter -> 'sub_category' IS NULL
            OR i.sub_category = ANY (jsonb_text_array(filter -> 'sub_category')))
        AND (filter -> 'article_type' IS NULL
            OR i.article_type = ANY (jsonb_text_array(filter -> 'article_type')))
        AND (filter -> 'base_colour' IS NULL
            OR i.base_colour = ANY (jsonb_text_array(filter -> 'base_colour')))
        AND (filter -> 'season' IS NULL OR i.season = ANY (jsonb_text_array(filter -> 'season')))
        AND (filter -> 'usage' IS NULL OR i.usage = ANY (jsonb_text_array(filter -> 'usage')))
        AND (filter -> 'brand_name' IS NULL
            OR i.brand_name = ANY (jsonb_text_array(filter -> 'brand_name')))
        AND (filter -> 'year_min' IS NULL OR i.year >= (filter ->> 'year_min')::integer)
        AND (filter -> 'year_max' IS NULL OR i.year <= (filter ->> 'year_max')::integer)
        AND (filter -> 'price_min' IS NULL OR i.price >= (filter ->> 'price_min')::numeric)
        AND (filter -> 'price_max' IS NULL OR i.price <= (filter ->> 'price_max')::numeric)
$$;
COMMENT ON FUNCTION filter_items(jsonb) IS
    'The products on sale that a filter lets through, such as {"gender": "Women", "base_colour": ["Red", "Pink"], "year_min": 2012}';

CREATE FUNCTION check_filter(filter jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    known CONSTANT text[] := ARRAY[
        'gender', 'master_category', 'sub_category', 'article_type', 'base_colour', 'season',
        'usage', 'brand_name', 'year_min', 'year_max', 'price_min', 'price_max'
    ];
    key text;
BEGIN
    IF jsonb_typeof(filter) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'filter must be a JSON object, such as {"gender": "Women"}'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR key IN SELECT jsonb_object_keys(filter) LOOP
        IF key <> ALL (known) THEN
            RAISE EXCEPTION 'unknown filter "%"; known are %', key, array_to_string(known, ', ')
                USING ERRCODE = 'invalid_parameter_value';
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION check_filter(jsonb) IS 'Raise an error that lists the known filters if the filter holds another';
