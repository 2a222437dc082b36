import tempfile
from pathlib import Path
from typing import Annotated

import slicer
from AnatomyGuidedLib import mrml
from AnatomyGuidedLib.errors import AnatomyGuidedError, NotEvaluable, UsageError
from AnatomyGuidedLib.io import dap_segments, write_labelmap, write_volume
from AnatomyGuidedLib.panel import ParameterPanel
from AnatomyGuidedLib.progress import never_cancelled, no_progress
from AnatomyGuidedLib.requirements import IN_SLICER, IN_SLICER_FOR_MODELS
from AnatomyGuidedLib.runner import run_in_process, run_worker
from PathologySegLib.anatomy_names import left_out, structures_called
from PathologySegLib.finders import NO_MODEL, anatomy_models, readings
from PathologySegLib.lesion_table import COLUMNS
from PathologySegLib.listed import Listed
from PathologySegLib.parameters import EACH, ONE, PERCIST, THRESHOLD_READINGS, LesionParameters, ModelChoice
from PathologySegLib.petct.activity import in_suv
from PathologySegLib.report_summary import summary
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.packaging import pip_ensure
from slicer.parameterNodeWrapper import Choice, Decimals, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin

_LISTED = "lesions"  # a segmentation's reference to the table of its lesions


class PathologySeg(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Pathology Seg")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations", "Volumes"]
        parent.contributors = ["AnatomyGuided contributors"]
        parent.helpText = _(
            "Finds lesions in PET/CT by a trained model, or by the classical readings of clinics: a fixed SUV, 41 % of "
            "each hot spot's maximum, or PERCIST's threshold from the liver; physiological uptake is taken off these "
            "where the anatomy is known."
        )
        parent.acknowledgementText = _("PERCIST: Wahl et al. 2009, doi 10.2967/jnumed.108.057307.")


@parameterNodeWrapper
class PathologySegParameterNode:
    """The panel's choices; `lesion_parameters` makes them the Lib's."""

    ctVolume: vtkMRMLScalarVolumeNode
    petVolume: vtkMRMLScalarVolumeNode
    anatomySegmentation: vtkMRMLSegmentationNode
    anatomyModel: Annotated[str, Choice(Listed(anatomy_models))] = NO_MODEL
    reading: Annotated[str, Choice(Listed(readings))] = "suv4"
    thresholdSuv: Annotated[float, WithinRange(0.1, 50.0), Decimals(1)] = 4.0
    modelFolder: Path
    oneSegment: bool = False


class PathologySegWidget(ParameterPanel, ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.setupForm(slicer, "UI/PathologySeg.ui", PathologySegLogic())
        self.setupJobs(self.onApply, slicer.app.processEvents)
        self.ui.readingBox.currentTextChanged.connect(self.showChoices)
        self.ui.modelFolderEdit.currentPathChanged.connect(self.showChoices)

    def setParameterNode(self, parameterNode):
        if parameterNode and parameterNode.reading not in readings():
            parameterNode.reading = LesionParameters().reading  # a scene's model that is not installed here
        if parameterNode and parameterNode.anatomyModel not in anatomy_models():
            parameterNode.anatomyModel = NO_MODEL
        ParameterPanel.setParameterNode(self, parameterNode)
        if parameterNode:
            self.showChoices()

    def showChoices(self, *_changed):
        byFolder = bool(model_folder(self.ui.modelFolderEdit.currentPath))
        self.ui.readingBox.enabled = not byFolder
        self.ui.thresholdBox.enabled = not byFolder and self.ui.readingBox.currentText in THRESHOLD_READINGS

    def onApply(self):
        found = None
        with slicer.util.tryWithErrorDisplay(_("No lesions were read.")), self.working() as (progress, cancelled):
            node = self._parameterNode
            found = self.logic.findLesions(
                node.ctVolume,
                node.petVolume,
                lesion_parameters(node),
                anatomyNode=node.anatomySegmentation,
                progress=progress,
                cancelled=cancelled,
            )
        if found:
            self.show(found)

    def show(self, segmentationNode):
        self.ui.statusLabel.text = segmentationNode.GetDescription()
        views = slicer.app.applicationLogic()
        views.GetSelectionNode().SetActiveTableID(segmentationNode.GetNodeReferenceID(_LISTED))
        views.PropagateTableSelection()


class PathologySegLogic(ScriptedLoadableModuleLogic):
    """At the console: `PathologySegLogic().findLesions(ctNode, petNode)`."""

    def getParameterNode(self):
        return PathologySegParameterNode(super().getParameterNode())

    def findLesions(
        self,
        ctNode,
        petNode,
        parameters=None,
        *,
        anatomyNode=None,
        progress=no_progress,
        cancelled=never_cancelled,
        runner=run_worker,
    ):
        """A new segmentation node with a segment a lesion, and a table node beside it; both describe sums and notes.

        `runner=run_in_process` computes in Slicer's own process. The scene changes only when the result is complete.
        """
        if ctNode is None or petNode is None:
            raise AnatomyGuidedError(_("A CT and a PET are needed; choose both volumes first."))
        parameters = parameters or LesionParameters()
        self._requireOneAnatomy(parameters, anatomyNode)
        pip_ensure(IN_SLICER_FOR_MODELS if parameters.uses_networks else IN_SLICER, requester="PathologySeg")
        with tempfile.TemporaryDirectory(prefix="anatomyguided-") as name:
            folder = Path(name)
            ct = mrml.volume_from_node(ctNode, unit="HU")
            write_volume(ct, folder / "ct.nrrd")
            write_volume(self._pet(petNode), folder / "pet.nrrd")
            anatomy, note = self._written(anatomyNode, ct.grid, folder / "anatomy.nrrd")
            output = folder / "lesions.seg.nrrd"
            words = parameters.words(folder / "ct.nrrd", folder / "pet.nrrd", output, anatomy=anatomy)
            report = runner(words, progress=progress, cancelled=cancelled)
            title = f"{petNode.GetName()} lesions ({parameters.title})"
            return self._shown(output, report, petNode, title, note)

    def _requireOneAnatomy(self, parameters, anatomyNode):
        model = parameters.model.anatomy_model
        if model and anatomyNode is not None:
            raise UsageError(_("An Anatomy and an Anatomy model were chosen; choose one of them."))
        if parameters.reading == PERCIST and not model and anatomyNode is None:
            raise NotEvaluable(_("no liver, since no anatomy was given; choose an Anatomy or an Anatomy model."))

    def _pet(self, petNode):
        """In SUV, also where Slicer loaded activity from DICOM."""
        files = mrml.dicom_files(petNode, slicer.app.dicomDatabase())
        return in_suv(mrml.volume_from_node(petNode, unit="SUV"), files, name=petNode.GetName())

    def _written(self, anatomyNode, grid, path):
        """The words for the anatomy's label map, None without one, and a note on what is not in it."""
        if anatomyNode is None:
            return None, ""
        names = mrml.segment_names(anatomyNode)
        values = structures_called(names, mrml.segment_terminologies(anatomyNode))
        labelmap = mrml.labelmap_from_segmentation_node(anatomyNode, grid, values=values)
        if not labelmap.values.any():
            raise AnatomyGuidedError(_("The anatomy has no voxel within the CT; is it of this study?"))
        write_labelmap(labelmap, path, dap_segments(labelmap.values))
        return f"{path}@dap", left_out(names, values)

    def _shown(self, path, report, petNode, title, note):
        scene = petNode.GetScene()
        scene.SaveStateForUndo()
        title = scene.GetUniqueNameByString(title)
        segmentationNode = mrml.add_segmentation_file(scene, path, title)
        segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(petNode)
        tableNode = mrml.add_table(scene, title, COLUMNS, report["lesions"])
        segmentationNode.SetNodeReferenceID(_LISTED, tableNode.GetID())
        for node in (segmentationNode, tableNode):
            node.SetDescription(summary(report, [note]))
        return segmentationNode


def lesion_parameters(node):
    """The Lib's parameters from the parameter node."""
    reading = model_folder(node.modelFolder) or node.reading
    threshold = node.thresholdSuv if reading in THRESHOLD_READINGS else None
    choice = ModelChoice(anatomy_model=None if node.anatomyModel == NO_MODEL else node.anatomyModel)
    return LesionParameters(reading, threshold, segments=ONE if node.oneSegment else EACH, model=choice)


def model_folder(path):
    """The folder in place of a reading; empty where none was chosen."""
    return "" if str(path) in ("", ".") else str(path)


class PathologySegTest(ScriptedLoadableModuleTest):
    def runTest(self):
        for test in (
            self.test_the_lesions_of_a_made_patient_are_found_and_its_bladder_is_not,
            self.test_the_worker_and_this_process_give_the_same_lesions,
            self.test_percist_without_a_liver_is_not_evaluable_and_leaves_the_scene_as_it_was,
        ):
            self.setUp()
            test()

    def setUp(self):
        slicer.mrmlScene.Clear()

    def test_the_lesions_of_a_made_patient_are_found_and_its_bladder_is_not(self):
        patient, ctNode, petNode = self._patientNodes()
        segments = dap_segments(patient.anatomy.values)
        anatomyNode = mrml.add_segmentation(slicer.mrmlScene, patient.anatomy, segments, "Anatomy")
        node = PathologySegLogic().findLesions(ctNode, petNode, anatomyNode=anatomyNode, runner=run_in_process)
        found = mrml.labelmap_from_segmentation_node(node, patient.pet.grid).values > 0
        bladder = patient.anatomy.values == {s.name: s.value for s in segments}["Bladder"]
        self.assertFalse((found & bladder).any())
        for number in range(1, int(patient.lesions.values.max()) + 1):
            self.assertTrue(found[patient.lesions.values == number].any())

    def test_the_worker_and_this_process_give_the_same_lesions(self):
        patient, ctNode, petNode = self._patientNodes()
        maps = [
            mrml.labelmap_from_segmentation_node(
                PathologySegLogic().findLesions(ctNode, petNode, runner=runner), patient.pet.grid
            ).values
            for runner in (run_worker, run_in_process)
        ]
        self.assertTrue(maps[0].any())
        self.assertTrue((maps[0] == maps[1]).all())

    def test_percist_without_a_liver_is_not_evaluable_and_leaves_the_scene_as_it_was(self):
        _patient, ctNode, petNode = self._patientNodes()
        before = slicer.mrmlScene.GetNumberOfNodes()
        with self.assertRaises(NotEvaluable):
            PathologySegLogic().findLesions(ctNode, petNode, LesionParameters("percist"), runner=run_in_process)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), before)

    def _patientNodes(self):
        from AnatomyGuidedLib.phantom import PatientOptions, make_patient

        patient = make_patient(PatientOptions(spacing_mm=8.0, lesions=2))
        ctNode = mrml.add_volume(slicer.mrmlScene, patient.ct, "CT")
        return patient, ctNode, mrml.add_volume(slicer.mrmlScene, patient.pet, "PET")
