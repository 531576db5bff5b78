-- half_detached: the partition whose detachment was cut short, if there is one.
SELECT c.relname
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'embeddings'::regclass AND i.inhdetachpending
