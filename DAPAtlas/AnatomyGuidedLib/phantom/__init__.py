"""A patient out of nothing: anatomy, CT, PET and lesions, from one seed."""

from AnatomyGuidedLib.phantom.anatomy import Body, make_anatomy, make_body
from AnatomyGuidedLib.phantom.patient import Images, Patient, PatientOptions, make_images, make_patient, stored_patient

__all__ = [
    "Body",
    "Images",
    "Patient",
    "PatientOptions",
    "make_anatomy",
    "make_body",
    "make_images",
    "make_patient",
    "stored_patient",
]
