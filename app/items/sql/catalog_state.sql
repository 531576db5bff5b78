-- catalog_state: how far the way from a catalog to similar items has come.
SELECT
    EXISTS (SELECT FROM items WHERE removed_at IS NULL) AS ingested,
    EXISTS (SELECT FROM items WHERE removed_at IS NULL AND image_path IS NOT NULL) AS pictured,
    EXISTS (SELECT FROM item_embeddings) AS embedded
