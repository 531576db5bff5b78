"""The encoders: photos in, vectors out."""
