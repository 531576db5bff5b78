-- lock: choose a batch alone, so that no other worker counts an attempt of it before it is claimed.
-- A worker whose machine vanished gives its batch back when the server has waited long enough.
SELECT
    set_config('idle_in_transaction_session_timeout', %(patience)s, false),
    pg_advisory_lock(hashtext('lookalike claim'), %(model_id)s)
