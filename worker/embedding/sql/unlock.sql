-- unlock: let the next worker choose.
SELECT pg_advisory_unlock(hashtext('lookalike claim'), %(model_id)s)
