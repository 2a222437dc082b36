"""Training networks to name structures."""
