"""Pictures for reports, drawn with matplotlib, which is an extra."""
