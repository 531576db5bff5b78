-- similar_items: ask the database's own function, as an analyst does.
SELECT * FROM similar_items(%(item_id)s, %(top_n)s, %(filter)s, %(min_similarity)s)
