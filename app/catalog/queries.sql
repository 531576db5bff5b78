-- name: fetch_attributes
-- The declared attributes, each with the declaration's version; one row of nulls without any.
SELECT
    c.version, a.name, a.type, a.label, a.description, a.filter, a.facet, a.train, a.category,
    a.card, a.cohesion_view
FROM catalogs AS c
LEFT JOIN attributes AS a ON true
ORDER BY a.ordinal

-- name: fetch_profile
-- The profile that was applied last.
SELECT profile FROM catalogs

-- name: delete_attributes
-- Delete the declaration; the columns stay until apply_attributes.
DELETE FROM attributes

-- name: insert_attribute
-- Declare an attribute.
INSERT INTO attributes (
    name, ordinal, type, label, description, filter, facet, train, category, card, cohesion_view
) VALUES (
    %(name)s, %(ordinal)s, %(type)s, %(label)s, %(description)s, %(filter)s, %(facet)s, %(train)s,
    %(category)s, %(card)s, %(cohesion_view)s
)

-- name: update_profile
-- Store the applied profile; the new version invalidates caches.
UPDATE catalogs SET profile = %(profile)s, version = version + 1

-- name: fetch_profile_privileges
-- Whether the current role may change the columns of items.
SELECT pg_has_role(c.relowner, 'USAGE') AS is_owner FROM pg_class AS c WHERE c.oid = 'items'::regclass
