-- words: texts as vectors of the active model, and the search by words. May be run again.

-- Where words end is fixed by code points, not by the locale, so that a query and a catalog agree on
-- any server. The ranges are ASCII's and Latin-1's signs, the punctuation of Armenian, Hebrew, Arabic
-- and Devanagari, general punctuation to miscellaneous symbols, CJK punctuation, private use,
-- variation selectors and emoji.
CREATE OR REPLACE FUNCTION text_words(query text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_remove(
    regexp_split_to_array(
        regexp_replace(
            -- Accents and vowel signs go, so that creme finds crème.
            regexp_replace(
                lower(normalize(query, NFKD)), '[\u0300-\u036f\u0591-\u05c7\u064b-\u0655\u3099\u309a]+', '', 'g'
            ),
            -- Scripts without spaces: each letter is a word, and two adjacent ones a pair.
            '([\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u9fff\U00020000-\U0003ffff])',
            ' \1 ',
            'g'
        ),
        '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7\u055a-\u055f\u0589\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u2000-\u2bff\u3000-\u3004\u3008-\u3020\u3030\ue000-\uf8ff\ufe00-\ufe6f\U0001f000-\U0001faff]+'
    ),
    ''
);
COMMENT ON FUNCTION text_words(text) IS
    'The words of a text in any language, in lower case without accents, in order. What lookalike train words learns from too';

CREATE OR REPLACE FUNCTION text_features(words text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(
    SELECT w.word FROM unnest(words) AS w (word)
    UNION
    SELECT words[i] || ' ' || words[i + 1] FROM generate_series(1, cardinality(words) - 1) AS i
);
COMMENT ON FUNCTION text_features(text[]) IS
    'What word_vectors may hold of some words: each word and each pair of adjacent ones, once';

CREATE OR REPLACE FUNCTION word_parts(word text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(
    SELECT DISTINCT CASE i
        WHEN 0 THEN left(word, 2) || '%'
        WHEN length(word) - 1 THEN '%' || right(word, 2)
        ELSE '%' || substr(word, i, 3) || '%'
    END
    FROM generate_series(0, length(word) - 1) AS i
    WHERE length(word) > 2
);
COMMENT ON FUNCTION word_parts(text) IS
    'The three letters around each letter of a word as LIKE patterns, the first and last two included: dr%, %dre%, …, %ss';

CREATE OR REPLACE FUNCTION word_spellings(word text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(
    SELECT word
    UNION
    SELECT left(word, i - 1) || substr(word, i + 1) FROM generate_series(1, length(word)) AS i
    WHERE length(word) BETWEEN 3 AND 30
);
COMMENT ON FUNCTION word_spellings(text) IS
    'A word, and it with each letter left out: two words that differ by one letter more, less, other or swapped have one of these in common (the symmetric delete algorithm of SymSpell)';

-- In plpgsql, which keeps the plans.
CREATE OR REPLACE FUNCTION read_words(query text)
RETURNS TABLE (place bigint, word text, read_as text, known text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT
        t.place,
        t.word,
        coalesce(s.word, t.word),
        CASE
            WHEN w.word IS NOT NULL THEN 'word'
            WHEN s.word IS NOT NULL THEN 'spelling'
            WHEN p.parts_known THEN 'parts'
        END
    FROM unnest(text_words(query)) WITH ORDINALITY AS t (word, place)
    LEFT JOIN word_embeddings AS w ON w.word = t.word
    LEFT JOIN LATERAL (
        SELECT o.word
        FROM word_embeddings AS o
        WHERE w.word IS NULL AND length(t.word) > 2 AND t.word !~ '\d'
            AND o.spellings && word_spellings(t.word)
        -- One letter more or less, else one other letter or two swapped, else two edits.
        ORDER BY length(o.word) = length(t.word) AND NOT EXISTS (
            SELECT
            FROM generate_series(1, length(t.word)) AS i
            WHERE left(o.word, i - 1) || substr(o.word, i + 1) = left(t.word, i - 1) || substr(t.word, i + 1)
                OR left(t.word, i - 1) || substr(t.word, i + 1, 1) || substr(t.word, i, 1)
                    || substr(t.word, i + 2) = o.word
        ), o.products DESC, o.word
        LIMIT 1
    ) AS s ON true
    LEFT JOIN LATERAL (
        SELECT count(*) >= cardinality(word_parts(t.word)) / 2.0 AS parts_known
        FROM word_embeddings AS o
        WHERE w.word IS NULL AND s.word IS NULL AND length(t.word) > 2
            AND o.word = ANY (word_parts(t.word))
    ) AS p ON length(t.word) > 2
    ORDER BY t.place;
END
$$;
COMMENT ON FUNCTION read_words(text) IS
    'How text_embedding reads the words of a text. known is word if the active model has a vector for it, spelling if read_as is the most common word that differs by a letter, parts if its letters tell, null if the word has no part in the vector';

CREATE OR REPLACE FUNCTION text_embedding(query text) RETURNS halfvec
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
    words text[];
    unknown text[];
    total vector;
BEGIN
    SELECT
        array_agg(r.read_as ORDER BY r.place),
        array_agg(DISTINCT r.word) FILTER (WHERE r.known = 'parts')
    INTO words, unknown
    FROM read_words(query) AS r
    WHERE r.known IS NOT NULL;
    SELECT avg(w.vector::vector) INTO total
    FROM word_embeddings AS w
    WHERE w.word = ANY (
        text_features(words)
        || ARRAY(SELECT unnest(word_parts(u.word)) FROM unnest(unknown) AS u (word))
    );
    RETURN CASE WHEN vector_norm(total) > 0 THEN l2_normalize(total)::halfvec END;
END
$$;
COMMENT ON FUNCTION text_embedding(text) IS
    'What a text looks like to the active model: the sum of the vectors of its words, pairs of words and, for unknown words, their letters, of length 1. Null without a known word, or before lookalike train words. Example: SELECT * FROM similar_to(text_embedding(''red floral dress''))';

-- Reading the words takes time, so that it is done for unknown ones only.
CREATE OR REPLACE FUNCTION wanted_names(query text) RETURNS tsquery
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
    corrected text;
BEGIN
    IF EXISTS (
        SELECT
        FROM unnest(text_words(query)) AS t (word)
        WHERE NOT EXISTS (SELECT FROM word_embeddings AS w WHERE w.word = t.word)
    ) THEN
        SELECT string_agg(r.read_as, ' ' ORDER BY r.place) INTO corrected
        FROM read_words(query) AS r
        HAVING bool_or(r.known = 'spelling');
    END IF;
    RETURN CASE
        WHEN corrected IS NULL THEN websearch_to_tsquery('english', query)
        ELSE websearch_to_tsquery('english', query) || plainto_tsquery('english', corrected)
    END;
END
$$;
COMMENT ON FUNCTION wanted_names(text) IS
    'A part of search_by_words: what to look for in names and brands: the words as they are written, or as they should be spelt';

CREATE OR REPLACE FUNCTION nearest_photo(
    item_id bigint, embedding halfvec, OUT distance double precision, OUT photo_position smallint
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    SELECT greatest(v.embedding <=> nearest_photo.embedding, 0), v.position INTO distance, photo_position
    FROM photo_embeddings AS v
    WHERE v.item_id = nearest_photo.item_id AND nearest_photo.embedding IS NOT NULL
    ORDER BY (v.embedding <=> nearest_photo.embedding) + 0, v.position
    LIMIT 1;
    IF NOT FOUND THEN
        SELECT min(p.position) INTO photo_position FROM photos AS p WHERE p.item_id = nearest_photo.item_id;
    END IF;
END
$$;
COMMENT ON FUNCTION nearest_photo(bigint, halfvec) IS
    'A part of search_by_words: the photo of a product that is nearest to a vector, and its distance; else its first photo';

-- Reciprocal rank fusion: Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet
-- and individual rank learning methods", SIGIR 2009; 60 is theirs. Names count twice: what is found by
-- name has all of the words, and comes before what is found by look alone. How deep the looks are searched
-- doesn't depend on top_n, so that fewer results are always the first of more.
CREATE OR REPLACE FUNCTION search_by_words(
    query text, embedding halfvec, top_n integer, filter jsonb, with_photo boolean
)
RETURNS TABLE (
    item_id bigint,
    score double precision,
    text_rank bigint,
    look_rank bigint,
    distance double precision,
    photo_position smallint
)
LANGUAGE plpgsql STABLE ROWS 20  -- few, so that their products are looked up one by one
SET plan_cache_mode = force_custom_plan
SET max_parallel_workers_per_gather = 0
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    given CONSTANT jsonb := coalesce(filter, '{}');
    asked CONSTANT text := btrim(query);
    wanted CONSTANT tsquery := wanted_names(query);
    exact CONSTANT bigint[] := ARRAY(
        SELECT i.item_id FROM items AS i WHERE i.sku = asked
        UNION ALL
        SELECT i.item_id FROM items AS i WHERE lower(left(i.product_display_name, 100)) = lower(left(asked, 100))
    );
    look record;
    listed integer;
BEGIN
    PERFORM check_top_n(top_n);
    PERFORM check_filter(given);
    SELECT c.ids, c.distances, c.positions INTO look
    FROM search_candidates(embedding, 100, given, '{}') AS c;
    RETURN QUERY
    WITH named AS (
        SELECT
            i.item_id,
            dense_rank() OVER (ORDER BY ts_rank(i.name_search, wanted) DESC) AS text_rank,
            CASE
                WHEN i.sku = asked THEN 3
                WHEN lower(i.product_display_name) = lower(asked) THEN 2
                WHEN lower(i.brand_name) = lower(asked) THEN 1
                ELSE 0
            END AS exactness
        FROM filter_items(given) AS i
        WHERE (i.name_search @@ wanted OR i.item_id = ANY (exact))
            AND (
                NOT with_photo OR EXISTS (SELECT FROM photos AS p WHERE p.item_id = i.item_id)
            )
    ),
    ranked AS (
        SELECT
            item_id,
            coalesce(n.exactness + 2.0 / (60 + n.text_rank), 0)
                + coalesce(1.0 / (60 + a.look_rank), 0) AS score,
            n.text_rank,
            a.look_rank,
            a.distance,
            a.position
        FROM named AS n
        FULL JOIN unnest(look.ids, look.distances, look.positions) WITH ORDINALITY
            AS a (item_id, distance, position, look_rank)
            USING (item_id)
        ORDER BY score DESC, n.text_rank, item_id
        LIMIT top_n
    )
    SELECT
        r.item_id,
        r.score::double precision,
        r.text_rank,
        r.look_rank,
        CASE WHEN r.look_rank IS NULL THEN p.distance ELSE greatest(r.distance, 0) END,
        CASE WHEN r.look_rank IS NULL THEN p.photo_position ELSE r.position END
    FROM ranked AS r
    LEFT JOIN LATERAL nearest_photo(r.item_id, search_by_words.embedding) AS p
        ON r.look_rank IS NULL
    ORDER BY r.score DESC, r.text_rank, r.item_id;
    GET DIAGNOSTICS listed = ROW_COUNT;
    IF listed < top_n AND embedding IS NOT NULL THEN
        RETURN QUERY
        SELECT
            c.item_id,
            1.0::double precision / (160 + c.place),
            NULL::bigint,
            100 + c.place,
            greatest(c.distance, 0),
            c.position
        FROM search_candidates(
            embedding,
            1000,
            given,
            look.ids || ARRAY(
                SELECT i.item_id
                FROM filter_items(given) AS i
                WHERE i.name_search @@ wanted OR i.item_id = ANY (exact)
            )
        ) AS s
        CROSS JOIN LATERAL unnest(s.ids, s.distances, s.positions) WITH ORDINALITY
            AS c (item_id, distance, position, place)
        ORDER BY c.place
        LIMIT top_n - listed;
    END IF;
END
$$;
COMMENT ON FUNCTION search_by_words(text, halfvec, integer, jsonb, boolean) IS
    'A part of search_items: the products that a text finds, best first: those with that sku, name or brand, then by 2 / (60 + rank) in the full-text search of names and brands plus 1 / (60 + rank) among the 100 that look most like the text, then by look alone. text_rank and look_rank are null where that side did not find it';
