-- partition_state: no row without the table; else whether it is attached, or half detached.
SELECT i.inhrelid IS NOT NULL AS attached, coalesce(i.inhdetachpending, false) AS half_detached
FROM pg_class AS c
LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
WHERE c.oid = to_regclass(%(partition)s)
