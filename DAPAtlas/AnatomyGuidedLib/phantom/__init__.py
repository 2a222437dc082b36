"""A patient out of nothing: anatomy, CT, PET and lesions, from one seed."""

from AnatomyGuidedLib.phantom.anatomy import make_anatomy
from AnatomyGuidedLib.phantom.patient import Patient, make_patient

__all__ = ["Patient", "make_anatomy", "make_patient"]
