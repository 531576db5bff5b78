"""Product photos: reading them (`storage`) and decoding them (`decode`)."""
