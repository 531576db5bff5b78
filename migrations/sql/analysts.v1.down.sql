-- analysts.v1.down: drop what analysts.v1 made.

DROP VIEW category_coverage;
DROP VIEW brand_neighbours;
DROP VIEW type_cohesion;
DROP VIEW colour_cohesion;
DROP FUNCTION label_cohesion(text, integer, integer);
DROP FUNCTION centroid(bigint[]);
DROP FUNCTION cosine_similarity(bigint, bigint);
DROP FUNCTION similar_to(halfvec, integer, jsonb, double precision);
