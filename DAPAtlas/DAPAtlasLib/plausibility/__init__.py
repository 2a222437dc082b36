"""How far to trust each structure of a label map: evidence from anatomy, published ranges, HU and the experts."""
