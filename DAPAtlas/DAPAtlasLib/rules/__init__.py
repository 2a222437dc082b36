"""Anatomical rules on label maps of DAP ids (thesis, 3.1.3 and Algorithms 3 to 8), each with a finding."""
