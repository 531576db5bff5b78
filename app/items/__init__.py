"""The catalog's items: reading them, and finding their photos."""
