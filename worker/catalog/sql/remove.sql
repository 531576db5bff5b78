-- remove: take the products off sale that are no longer staged.
UPDATE items AS i
SET removed_at = now(), updated_at = now()
FROM differences AS d
WHERE d.kind = 'removed' AND i.item_id = d.item_id
