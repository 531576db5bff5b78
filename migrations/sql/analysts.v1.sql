-- analysts.v1: what SQL users ask beside similar_items: vectors by hand, and overviews of the range.

CREATE FUNCTION similar_to(
    embedding halfvec,
    top_n integer DEFAULT 5,
    filter jsonb DEFAULT '{}',
    min_similarity double precision DEFAULT NULL
) RETURNS SETOF similar_item
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    model embedding_models;
BEGIN
    IF embedding IS NULL THEN
        RETURN;
    END IF;
    SELECT m.* INTO model FROM embedding_models AS m WHERE m.active;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no embedding model is active yet'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run lookalike embed.';
    END IF;
    IF vector_dims(embedding) <> model.dimensions THEN
        RAISE EXCEPTION 'the vector has % dimensions, those of the active model % have %',
                vector_dims(embedding), model.name, model.dimensions
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF l2_norm(embedding) = 0 THEN
        RAISE EXCEPTION 'a vector of zeros has no direction, so nothing is similar to it'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY
    SELECT n.* FROM nearest_items(embedding, top_n, filter, min_similarity, '{}') AS n;
END
$$;
COMMENT ON FUNCTION similar_to(halfvec, integer, jsonb, double precision) IS
    'The top_n products most similar to a vector of the active model, most similar first; no rows for null. Example: SELECT * FROM similar_to(centroid(ARRAY[10001, 10002]), 5)';

CREATE FUNCTION cosine_similarity(item_a bigint, item_b bigint) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT 1 - (a.embedding <=> b.embedding)
    FROM item_embeddings AS a
    CROSS JOIN item_embeddings AS b
    WHERE a.item_id = item_a AND b.item_id = item_b
$$;
COMMENT ON FUNCTION cosine_similarity(bigint, bigint) IS
    'How alike two products look, -1 to 1, by the active model; null where one of them has no vector';

CREATE FUNCTION centroid(ids bigint[]) RETURNS halfvec
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
    'The mean of products'' vectors, of length 1: what they have in common. Each counts once, one without a vector not at all; null where none has a vector';

-- One plain SELECT, so that the planner inlines it: a condition on the label of a view over it then
-- saves the searches for all others.
CREATE FUNCTION label_cohesion(label text, sample integer DEFAULT 20, top_n integer DEFAULT 5)
RETURNS TABLE (value text, products bigint, asked bigint, percent numeric, chance numeric)
LANGUAGE sql STABLE
AS $$
    WITH labelled AS (
        SELECT p.item_id, to_jsonb(p) ->> label AS value
        FROM (
            SELECT
                item_id, i.gender, i.master_category, i.sub_category, i.article_type,
                i.base_colour, i.season, i.usage, i.brand_name
            FROM item_embeddings AS e
            JOIN items AS i USING (item_id)
        ) AS p
    ),
    placed AS (
        SELECT
            l.item_id,
            l.value,
            count(*) OVER (PARTITION BY l.value) AS products,
            -- The hash mixes old and new products, and chooses the same ones each time.
            row_number() OVER (PARTITION BY l.value ORDER BY hashint8(l.item_id), l.item_id) AS place
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
    FROM placed AS p
    CROSS JOIN LATERAL (
        SELECT count(*) AS found, count(*) FILTER (WHERE to_jsonb(s) ->> label = p.value) AS alike
        FROM similar_items(p.item_id, top_n) AS s
    ) AS n
    WHERE p.place <= sample
    GROUP BY p.value
$$;
COMMENT ON FUNCTION label_cohesion(text, integer, integer) IS
    'How often a product''s top_n nearest share its label, by value of the label (gender, master_category, sub_category, article_type, base_colour, season, usage or brand_name): products with that value, how many of them were asked about, percent of their neighbours that share it, percent that would by chance. Costs a search for each product asked about, at most sample for a value';

CREATE VIEW colour_cohesion AS
SELECT c.value AS base_colour, c.products, c.asked, c.percent, c.chance
FROM label_cohesion('base_colour') AS c;

COMMENT ON VIEW colour_cohesion IS
    'How far products of one colour look alike: how often the five nearest share it. Costs 20 searches a colour, a few seconds in all; with WHERE base_colour = … that colour''s alone';
COMMENT ON COLUMN colour_cohesion.base_colour IS 'The colour';
COMMENT ON COLUMN colour_cohesion.products IS 'Products on sale of that colour that have a vector';
COMMENT ON COLUMN colour_cohesion.asked IS 'How many of them were asked about: all, or 20, always the same';
COMMENT ON COLUMN colour_cohesion.percent IS 'Of their five nearest, how many in a hundred have that colour';
COMMENT ON COLUMN colour_cohesion.chance IS 'How many would, if neighbours were drawn by lot';

CREATE VIEW type_cohesion AS
SELECT c.value AS article_type, c.products, c.asked, c.percent, c.chance
FROM label_cohesion('article_type') AS c;

COMMENT ON VIEW type_cohesion IS
    'How far products of one type look alike: how often the five nearest share it. Costs 20 searches a type, some seconds in all; with WHERE article_type = … that type''s alone';
COMMENT ON COLUMN type_cohesion.article_type IS 'The type';
COMMENT ON COLUMN type_cohesion.products IS 'Products on sale of that type that have a vector';
COMMENT ON COLUMN type_cohesion.asked IS 'How many of them were asked about: all, or 20, always the same';
COMMENT ON COLUMN type_cohesion.percent IS 'Of their five nearest, how many in a hundred are of that type';
COMMENT ON COLUMN type_cohesion.chance IS 'How many would be, if neighbours were drawn by lot';

CREATE VIEW brand_neighbours AS
SELECT
    i.item_id,
    i.article_type,
    i.brand_name,
    s.ordinality AS place,
    s.item_id AS neighbour_id,
    s.article_type AS neighbour_article_type,
    s.brand_name AS neighbour_brand_name,
    s.similarity
FROM items AS i
CROSS JOIN LATERAL similar_items(i.item_id, 20) WITH ORDINALITY AS s
WHERE i.removed_at IS NULL AND s.brand_name <> i.brand_name;

COMMENT ON VIEW brand_neighbours IS
    'Neighbours across brands: those of a product''s 20 nearest that are another brand''s. Costs a search a product, minutes for a whole catalog: say WHERE item_id, article_type or brand_name = …';
COMMENT ON COLUMN brand_neighbours.item_id IS 'The product';
COMMENT ON COLUMN brand_neighbours.article_type IS 'Its type';
COMMENT ON COLUMN brand_neighbours.brand_name IS 'Its brand; products without one are left out';
COMMENT ON COLUMN brand_neighbours.place IS 'The neighbour''s place among its 20 nearest, 1 the most similar';
COMMENT ON COLUMN brand_neighbours.neighbour_id IS 'The neighbour';
COMMENT ON COLUMN brand_neighbours.neighbour_article_type IS 'The neighbour''s type';
COMMENT ON COLUMN brand_neighbours.neighbour_brand_name IS 'The neighbour''s brand';
COMMENT ON COLUMN brand_neighbours.similarity IS 'How alike the two look, -1 to 1';

CREATE VIEW category_coverage AS
SELECT
    i.master_category,
    i.sub_category,
    i.article_type,
    count(*) AS items,
    count(i.image_path) AS with_photo,
    count(e.item_id) AS embedded,
    round(100.0 * count(e.item_id) / count(*), 1) AS percent
FROM items AS i
LEFT JOIN item_embeddings AS e USING (item_id)
WHERE i.removed_at IS NULL
GROUP BY i.master_category, i.sub_category, i.article_type;

COMMENT ON VIEW category_coverage IS
    'How much of each category a search can find, by the active model. Costs one pass over the products';
COMMENT ON COLUMN category_coverage.master_category IS 'Coarsest category';
COMMENT ON COLUMN category_coverage.sub_category IS 'Middle category';
COMMENT ON COLUMN category_coverage.article_type IS 'Finest category';
COMMENT ON COLUMN category_coverage.items IS 'Products on sale';
COMMENT ON COLUMN category_coverage.with_photo IS 'Those that have a photo';
COMMENT ON COLUMN category_coverage.embedded IS 'Those that have a vector, so that searches find them';
COMMENT ON COLUMN category_coverage.percent IS '100 × embedded / items';
