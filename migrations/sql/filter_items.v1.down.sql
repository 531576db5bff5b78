-- filter_items.v1.down: drop what filter_items.v1 made.

DROP FUNCTION check_filter(jsonb);
DROP FUNCTION filter_items(jsonb);
DROP FUNCTION jsonb_text_array(jsonb);
