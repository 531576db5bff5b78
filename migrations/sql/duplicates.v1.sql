-- duplicates.v1: near-identical pairs in the catalog.

CREATE INDEX items_image_sha256 ON items (image_sha256);

-- Up to a cosine distance of 0.01 two photos count as one picture, as for exclude_duplicates of the
-- API. The products with the very same file are left out of the search, so that they don't crowd out
-- others; the second part has them all.
CREATE VIEW duplicate_items AS
SELECT
    i.item_id,
    n.item_id AS duplicate_id,
    greatest(n.distance, 0) AS distance,
    false AS same_file
FROM items AS i
JOIN item_embeddings AS e USING (item_id)
CROSS JOIN LATERAL search_candidates(
    e.embedding,
    20,
    '{}',
    ARRAY(SELECT c.item_id FROM items AS c WHERE c.image_sha256 = i.image_sha256)
) AS s
CROSS JOIN LATERAL unnest(s.ids, s.distances) AS n (item_id, distance)
WHERE n.item_id > i.item_id AND n.distance <= 0.01
UNION ALL
SELECT i.item_id, j.item_id, 0, true
FROM items AS i
JOIN items AS j ON j.image_sha256 = i.image_sha256 AND j.item_id > i.item_id
WHERE i.removed_at IS NULL AND j.removed_at IS NULL;

COMMENT ON VIEW duplicate_items IS
    'Pairs of products on sale whose photos are the same file, or all but the same picture: each pair once, near ones among a product''s 20 nearest. Costs a search a product, a minute for 40,000: say WHERE item_id = … or BETWEEN … AND …, or WHERE same_file, which costs little';
COMMENT ON COLUMN duplicate_items.item_id IS 'The product with the smaller id';
COMMENT ON COLUMN duplicate_items.duplicate_id IS 'The other one';
COMMENT ON COLUMN duplicate_items.distance IS 'Cosine distance of their vectors by the active model, 1 - similarity; 0 for the same file';
COMMENT ON COLUMN duplicate_items.same_file IS 'Whether their photos are the same, byte by byte';
