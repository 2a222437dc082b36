"""A made patient through the four modules, as one would type it at Slicer's Python console."""

import slicer
from AnatomyGuidedLib import mrml
from AnatomyGuidedLib.phantom import PatientOptions, make_patient
from AnatomyGuidedLib.segments import dap_segments, numbered_segments

from CCMetrics import CCMetricsLogic
from DAPAtlas import DAPAtlasLogic
from LIMISModule import LIMISModuleLogic
from PathologySeg import PathologySegLogic

patient = make_patient(PatientOptions(spacing_mm=6.0, seed=1))
ct = mrml.add_volume(slicer.mrmlScene, patient.ct, "CT")
pet = mrml.add_volume(slicer.mrmlScene, patient.pet, "PET")
organs = mrml.add_segmentation(slicer.mrmlScene, patient.anatomy, dap_segments(patient.anatomy.values), "Organs")
reference = mrml.add_segmentation(
    slicer.mrmlScene, patient.lesions, numbered_segments(4, "Lesion", (222, 60, 40)), "Reference"
)

tissues = DAPAtlasLogic().segment(ct)
lesions = PathologySegLogic().findLesions(ct, pet, anatomyNode=organs)
scores = CCMetricsLogic().evaluate(reference, lesions)

limis = LIMISModuleLogic()
limis.start(ct, organs)
limis.say("segment the liver")
limis.say("make the box two pixels larger")
