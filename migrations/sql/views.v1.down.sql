-- views.v1.down: drop what views.v1 made.

DROP VIEW embedding_progress;
DROP VIEW item_embeddings;
