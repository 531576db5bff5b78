-- similar_items.v1.down: drop what similar_items.v1 made.

DROP FUNCTION similar_items(bigint, integer, jsonb, double precision);
DROP FUNCTION nearest_items(halfvec, integer, jsonb, double precision, bigint[]);
DROP FUNCTION search_candidates(halfvec, integer, jsonb, bigint[]);
DROP FUNCTION index_is_worthwhile();
DROP FUNCTION exact_search_limit();
DROP FUNCTION estimate_matches(jsonb);
DROP TYPE similar_item;
