-- finish: a finished job is deleted.
DELETE FROM embedding_jobs WHERE model_id = %(model_id)s AND item_id = ANY (%(item_ids)s)
