"""Product photos: where they are stored (`storage`), and how they are decoded (`decode`)."""
