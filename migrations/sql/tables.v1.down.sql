-- tables.v1.down: drop all tables; the extension stays where others need it or own it.

DROP TABLE embedding_jobs, embeddings, embedding_models, catalogs, items;

DO $$
BEGIN
    DROP EXTENSION IF EXISTS vector;
EXCEPTION
    WHEN dependent_objects_still_exist OR insufficient_privilege THEN
        RAISE NOTICE 'extension vector stays: %', SQLERRM;
END
$$;
