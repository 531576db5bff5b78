"""Training: the whole network on photos, or a small head on vectors that exist already."""
