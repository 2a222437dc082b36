"""PathologySeg: lesions in PET/CT, here by the classical readings of clinics, with anatomy where it is given."""
