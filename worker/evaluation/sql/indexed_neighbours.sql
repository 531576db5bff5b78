-- indexed_neighbours: an item's nearest by a model's index, in the form that the searches use.
SELECT e.item_id
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = {model_id}
    AND i.removed_at IS NULL
    AND i.image_path IS NOT NULL
    AND e.item_id <> %(item_id)s
ORDER BY
    e.embedding::halfvec({dimensions})
    <=> (
        SELECT q.embedding
        FROM embeddings AS q
        WHERE q.model_id = {model_id} AND q.item_id = %(item_id)s
    )
LIMIT %(k)s
