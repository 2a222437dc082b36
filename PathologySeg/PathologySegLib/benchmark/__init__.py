"""Five networks on PET/CT lesions, trained and scored alike (thesis, 5.1.5.2, E.1.2 and Table 16)."""
