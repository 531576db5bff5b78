"""Reading products: one, a page of them, and counts."""
