"""A PET/CT study as networks take it: one grid, named presets of normalisation, and anatomy as channels."""
