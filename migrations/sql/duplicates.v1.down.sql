-- duplicates.v1.down: drop what duplicates.v1 made.

DROP VIEW duplicate_items;
DROP INDEX items_image_sha256;
