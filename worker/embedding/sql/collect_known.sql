-- collect_known: the vectors that the held jobs ask for. Set aside before any is replaced, since
-- two products may have swapped their photos.
CREATE TEMPORARY TABLE known_vectors ON COMMIT DROP AS
SELECT DISTINCT ON (j.item_id) j.item_id, e.embedding, e.image_sha256
FROM embedding_jobs AS j
JOIN embeddings AS e ON e.model_id = j.model_id AND e.image_sha256 = j.image_sha256
WHERE j.model_id = %(model_id)s AND j.item_id = ANY (%(item_ids)s)
ORDER BY j.item_id
