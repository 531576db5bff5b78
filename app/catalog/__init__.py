"""The catalog's profile, and the attributes that it declares."""
