-- replace: take away the vectors that the batch is about to write anew.
DELETE FROM embeddings WHERE model_id = %(model_id)s AND item_id = ANY (%(item_ids)s)
