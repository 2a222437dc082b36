import tempfile
from pathlib import Path
from typing import Annotated

import slicer
from AnatomyGuidedLib import mrml
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.io import read_image, write_labelmap, write_volume
from AnatomyGuidedLib.labels import ids_by_title, scheme_names
from AnatomyGuidedLib.panel import ParameterPanel
from AnatomyGuidedLib.progress import never_cancelled, no_progress
from AnatomyGuidedLib.requirements import IN_SLICER
from AnatomyGuidedLib.runner import run_in_process, run_worker
from DAPAtlasLib.parameters import AtlasParameters
from DAPAtlasLib.plausibility import assess
from DAPAtlasLib.statistics import COLUMNS
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.packaging import pip_ensure
from slicer.parameterNodeWrapper import Choice, parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin


class DAPAtlas(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("DAP Atlas")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations", "Volumes"]
        parent.contributors = ["AnatomyGuided contributors"]
        parent.helpText = _(
            "Names the voxels of a CT with the 142 labels of the DAP Atlas, merged coarse to fine from rules on HU and "
            "morphology and from other tools' label maps. Ribs are counted from below: Costa 1 is the twelfth rib."
        )
        parent.acknowledgementText = _(
            "The labels and the merging follow the Dense Anatomical Prediction Atlas (ICIP 2024, Synapse syn52287632)."
        )


@parameterNodeWrapper
class DAPAtlasParameterNode:
    """The panel's choices; `atlas_parameters` makes them the Lib's."""

    inputVolume: vtkMRMLScalarVolumeNode
    useRules: bool = True
    organsFile: Path
    organsScheme: Annotated[str, Choice([*scheme_names()])] = "totalsegmentator"
    sex: Annotated[str, Choice(["unknown", "F", "M"])] = "unknown"


class DAPAtlasWidget(ParameterPanel, ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.setupForm(slicer, "UI/DAPAtlas.ui", DAPAtlasLogic())
        self.setupJobs(self.onApply, slicer.app.processEvents)

    def onApply(self):
        with slicer.util.tryWithErrorDisplay(_("The label map was not made.")), self.working() as (progress, cancelled):
            parameters = atlas_parameters(self._parameterNode)
            self.logic.segment(self._parameterNode.inputVolume, parameters, progress=progress, cancelled=cancelled)


class DAPAtlasLogic(ScriptedLoadableModuleLogic):
    """At the console: `DAPAtlasLogic().segment(slicer.util.getNode("CT"))`."""

    def getParameterNode(self):
        return DAPAtlasParameterNode(super().getParameterNode())

    def segment(
        self, volumeNode, parameters=None, *, progress=no_progress, cancelled=never_cancelled, runner=run_worker
    ):
        """A new segmentation node of the CT; beside it table nodes of volumes and HU, and of how far to trust what.

        With more than one expert there is also a volume node of their disagreement, from 0 to 1.

        `runner=run_in_process` computes in Slicer's own process. The scene changes only when the result is complete.
        """
        if volumeNode is None:
            raise AnatomyGuidedError(_("No CT was chosen; choose a volume first."))
        pip_ensure(IN_SLICER, requester="DAPAtlas")
        parameters = parameters or AtlasParameters()
        with tempfile.TemporaryDirectory(prefix="anatomyguided-") as name:
            folder = Path(name)
            write_volume(mrml.volume_from_node(volumeNode, unit="HU"), folder / "ct.nrrd")
            words = parameters.words(folder / "ct.nrrd", folder / "atlas.seg.nrrd")
            if len(parameters.experts) > 1:
                words += ["--disagreement", str(folder / "disagreement.nrrd")]
            report = runner(words, progress=progress, cancelled=cancelled)
            return self._shown(folder / "atlas.seg.nrrd", report, volumeNode)

    def repair(
        self,
        segmentationNode,
        volumeNode,
        sex=None,
        *,
        progress=no_progress,
        cancelled=never_cancelled,
        runner=run_worker,
    ):
        """A new segmentation node: the given one, whose segments have DAP names, after all anatomical rules.

        The CT tells what lies under pieces that lose their label. Returns the node and the rules' report; the scene
        changes only when the result is complete.
        """
        if segmentationNode is None or volumeNode is None:
            raise AnatomyGuidedError(_("A segmentation and its CT are needed; choose both first."))
        pip_ensure(IN_SLICER, requester="DAPAtlas")
        ct = mrml.volume_from_node(volumeNode, unit="HU")
        values = ids_by_title(mrml.segment_names(segmentationNode))
        labelmap = mrml.labelmap_from_segmentation_node(segmentationNode, ct.grid, values=values)
        with tempfile.TemporaryDirectory(prefix="anatomyguided-") as name:
            folder = Path(name)
            write_volume(ct, folder / "ct.nrrd")
            write_labelmap(labelmap, folder / "given.nrrd")
            words = ["rules", f"{folder / 'given.nrrd'}@dap", "--ct", str(folder / "ct.nrrd")]
            words += ["-o", str(folder / "repaired.seg.nrrd"), *(["--sex", sex] if sex else [])]
            report = runner(words, progress=progress, cancelled=cancelled)
            scene = segmentationNode.GetScene()
            scene.SaveStateForUndo()
            title = f"{segmentationNode.GetName()} repaired"
            repaired = mrml.add_segmentation_file(scene, folder / "repaired.seg.nrrd", title)
        repaired.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        return repaired, report

    def _shown(self, path, report, volumeNode):
        scene = volumeNode.GetScene()
        scene.SaveStateForUndo()
        title = f"{volumeNode.GetName()} DAP Atlas"
        segmentationNode = mrml.add_segmentation_file(scene, path, title)
        segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        mrml.add_table(scene, f"{title} volumes", COLUMNS, report["structures"])
        rows = report["plausibility"]["structures"]
        mrml.add_table(scene, f"{title} plausibility", assess.COLUMNS, rows)
        doubt = path.with_name("disagreement.nrrd")
        if doubt.exists():
            mrml.add_volume(scene, read_image(doubt), f"{title} disagreement")
        return segmentationNode


def atlas_parameters(node):
    """The Lib's parameters from the parameter node."""
    experts = ["rules"] if node.useRules else []
    if str(node.organsFile) not in ("", "."):
        experts.append(f"file:{node.organsFile}@{node.organsScheme}")
    return AtlasParameters(tuple(experts), None if node.sex == "unknown" else node.sex)


class DAPAtlasTest(ScriptedLoadableModuleTest):
    def runTest(self):
        for test in (
            self.test_rules_name_the_tissues_of_a_made_patient,
            self.test_the_worker_and_this_process_give_the_same_segments,
            self.test_two_experts_leave_a_volume_of_their_disagreement,
            self.test_a_swapped_kidney_is_put_right,
            self.test_an_image_that_is_no_ct_leaves_the_scene_as_it_was,
        ):
            self.setUp()
            test()

    def setUp(self):
        slicer.mrmlScene.Clear()

    def test_rules_name_the_tissues_of_a_made_patient(self):
        node = DAPAtlasLogic().segment(self._ctNode(), runner=run_in_process)
        self.assertEqual({*mrml.segment_names(node).values()}, {"Unknown Tissue", "Muscles", "Fat", "Skin"})
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode"), 2)

    def test_the_worker_and_this_process_give_the_same_segments(self):
        volumeNode = self._ctNode()
        grid = mrml.volume_from_node(volumeNode).grid
        maps = [
            mrml.labelmap_from_segmentation_node(DAPAtlasLogic().segment(volumeNode, runner=runner), grid).values
            for runner in (run_worker, run_in_process)
        ]
        self.assertTrue((maps[0] == maps[1]).all())

    def test_two_experts_leave_a_volume_of_their_disagreement(self):
        from AnatomyGuidedLib.phantom import PatientOptions, make_patient

        patient = make_patient(PatientOptions(spacing_mm=8.0))
        volumeNode = mrml.add_volume(slicer.mrmlScene, patient.ct, "CT")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "organs.nii.gz"
            write_labelmap(patient.anatomy, path)
            DAPAtlasLogic().segment(volumeNode, AtlasParameters(("rules", f"file:{path}@dap")), runner=run_in_process)
        node = slicer.mrmlScene.GetFirstNodeByName("CT DAP Atlas disagreement")
        doubt = slicer.util.arrayFromVolume(node)
        self.assertTrue(0.0 <= doubt.min() < doubt.max() <= 1.0)

    def test_a_swapped_kidney_is_put_right(self):
        from AnatomyGuidedLib.grid import Labelmap
        from AnatomyGuidedLib.io import dap_segments
        from AnatomyGuidedLib.labels import id_of
        from AnatomyGuidedLib.phantom import PatientOptions, make_patient

        patient = make_patient(PatientOptions(spacing_mm=6.0))
        left, right = id_of("Kidney Left"), id_of("Kidney Right")
        swapped = patient.anatomy.values.copy()
        swapped[patient.anatomy.values == left] = right
        volumeNode = mrml.add_volume(slicer.mrmlScene, patient.ct, "CT")
        present = [label for label in range(1, 256) if (swapped == label).any()]
        given = mrml.add_segmentation(
            slicer.mrmlScene, Labelmap(swapped, patient.anatomy.grid), dap_segments(present), "Organs"
        )
        repaired, report = DAPAtlasLogic().repair(given, volumeNode, runner=run_in_process)
        self.assertIn("Kidney Left", mrml.segment_names(repaired).values())
        self.assertEqual(report["findings"][0]["rule"], "left-right")
        self.assertEqual(repaired.GetName(), "Organs repaired")

    def test_an_image_that_is_no_ct_leaves_the_scene_as_it_was(self):
        volumeNode = self._ctNode()
        slicer.util.arrayFromVolume(volumeNode)[:] = 100
        before = slicer.mrmlScene.GetNumberOfNodes()
        with self.assertRaises(AnatomyGuidedError):
            DAPAtlasLogic().segment(volumeNode)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), before)

    def _ctNode(self):
        from AnatomyGuidedLib.phantom import PatientOptions, make_patient

        return mrml.add_volume(slicer.mrmlScene, make_patient(PatientOptions(spacing_mm=8.0)).ct, "CT")
