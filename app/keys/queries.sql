-- name: create_key
-- Stores a key, unless there is one of that name.
INSERT INTO api_keys (name, scope, sha256) VALUES (%s, %s, %s) ON CONFLICT (name) DO NOTHING

-- name: revoke_key
-- Revokes a key; one that is revoked already keeps its time.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE name = %s

-- name: list_keys
-- Lists all keys.
SELECT name, scope, created_at, revoked_at FROM api_keys ORDER BY created_at, name

-- name: find_key
-- Finds a key by its hash, unless it is revoked.
SELECT name, scope, created_at, revoked_at FROM api_keys WHERE sha256 = %s AND revoked_at IS NULL
