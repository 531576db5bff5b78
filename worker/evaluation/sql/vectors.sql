-- vectors: what the searches see of a model, with the labels, in the order that breaks ties.
SELECT
    e.item_id, e.embedding,
    i.article_type, i.base_colour, i.sub_category, i.gender, i.season, i.usage
FROM embeddings AS e
JOIN items AS i USING (item_id)
WHERE e.model_id = %(model_id)s AND i.removed_at IS NULL AND i.image_path IS NOT NULL
ORDER BY e.item_id
