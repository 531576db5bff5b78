-- comparable: whether there is an index to search by, and how many products there are to compare
-- with where there is none.
SELECT
    index_is_worthwhile() AS indexed,
    (SELECT count(*) FROM items AS i WHERE i.removed_at IS NULL AND i.image_path IS NOT NULL) AS products
