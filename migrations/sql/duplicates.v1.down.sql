-- duplicates.v1.down: drop what duplicates.v1 made.

DO $$
DECLARE
    was CONSTANT text := pg_get_functiondef('change_rights(text)'::regprocedure);
BEGIN
    EXECUTE replace(was, 'category_coverage, duplicate_items''', 'category_coverage''');
END
$$;
DROP VIEW duplicate_items;
DROP INDEX items_image_sha256;
