-- count_compared: how many vectors an exact search compares.
SELECT count(*) FROM item_embeddings AS e JOIN filter_items(%(filter)s) AS i USING (item_id)
