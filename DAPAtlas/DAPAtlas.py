import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path
from typing import Annotated

import slicer
from AnatomyGuidedLib import mrml
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.io import read_image, write_labelmap, write_volume
from AnatomyGuidedLib.labels import ids_by_title, scheme_names
from AnatomyGuidedLib.models import model_names
from AnatomyGuidedLib.panel import ParameterPanel
from AnatomyGuidedLib.progress import never_cancelled, no_progress, part_of
from AnatomyGuidedLib.requirements import IN_SLICER, IN_SLICER_FOR_MODELS
from AnatomyGuidedLib.runner import run_in_process, run_worker
from DAPAtlasLib.aggregate import AGGREGATIONS, UNION
from DAPAtlasLib.parameters import AtlasParameters
from DAPAtlasLib.plausibility import assess
from DAPAtlasLib.statistics import COLUMNS
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.packaging import pip_ensure
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin

_JUDGED = "plausibility"  # a segmentation's reference to the table that says how far to trust it
_DOUBTS = {"fail": 0, "warn": 1}
_NO_MODEL = "none"


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
    model: Annotated[str, Choice([_NO_MODEL, *model_names()])] = _NO_MODEL
    organsFile: Path
    organsScheme: Annotated[str, Choice([*scheme_names()])] = "totalsegmentator"
    sex: Annotated[str, Choice(["unknown", "F", "M"])] = "unknown"
    age: Annotated[int, WithinRange(-1, 130)] = -1
    aggregation: Annotated[str, Choice([*AGGREGATIONS])] = UNION
    segmentation: vtkMRMLSegmentationNode


class DAPAtlasWidget(ParameterPanel, ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._repair = None
        self._doubts = []

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.setupForm(slicer, "UI/DAPAtlas.ui", DAPAtlasLogic())
        self.setupJobs(self.onApply, slicer.app.processEvents)
        self.ui.judgeButton.clicked.connect(self.onJudge)
        self.ui.repairButton.clicked.connect(self.onRepair)
        self.ui.undoRuleButton.clicked.connect(self.onUndoRule)
        self.ui.doubtsList.currentRowChanged.connect(self.onDoubt)
        self.ui.segmentationSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.showDoubts)
        self.showRepair(None)

    def onSceneStartClose(self, caller, event):
        self.showRepair(None)
        ParameterPanel.onSceneStartClose(self, caller, event)

    def _show_busy(self, busy):
        ParameterPanel._show_busy(self, busy)
        self.ui.resultButton.enabled = not busy  # one job at a time

    def onApply(self):
        with slicer.util.tryWithErrorDisplay(_("The label map was not made.")), self.working() as (progress, cancelled):
            parameters = atlas_parameters(self._parameterNode)
            volumeNode = self._parameterNode.inputVolume
            self.show(self.logic.segment(volumeNode, parameters, progress=progress, cancelled=cancelled))
            self.showRepair(None)

    def onJudge(self):
        with slicer.util.tryWithErrorDisplay(_("The segmentation was not judged.")), self.working() as jobs:
            self.judge(self._parameterNode.segmentation, jobs)

    def onRepair(self):
        with slicer.util.tryWithErrorDisplay(_("The segmentation was not repaired.")), self.working() as jobs:
            node = self._parameterNode
            self.repair(Repair(node.segmentation, node.inputVolume, known(node.sex)), jobs)

    def onUndoRule(self):
        with slicer.util.tryWithErrorDisplay(_("The rule was not undone.")), self.working() as jobs:
            self.repair(self._repair.without(self.ui.ruleBox.currentText), jobs)

    def onDoubt(self, row):
        place = self._doubts[row][1] if 0 <= row < len(self._doubts) else None
        if place:
            slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *place)

    def repair(self, asked, jobs):
        progress, cancelled = jobs
        repaired, report = self.logic.repair(
            asked.segmentationNode,
            asked.volumeNode,
            asked.sex,
            undo=asked.undone,
            replaces=asked.repairedNode,
            progress=part_of(progress, 0.0, 0.6),
            cancelled=cancelled,
        )
        self.showRepair(replace(asked, repairedNode=repaired, findings=tuple(report["findings"])))
        self.judge(repaired, (part_of(progress, 0.6, 1.0), cancelled))

    def judge(self, segmentationNode, jobs):
        progress, cancelled = jobs
        node = self._parameterNode
        age = None if node.age < 0 else node.age
        self.logic.judge(
            segmentationNode, node.inputVolume, known(node.sex), age, progress=progress, cancelled=cancelled
        )
        self.show(segmentationNode)

    def show(self, segmentationNode):
        self._parameterNode.segmentation = segmentationNode
        self.showDoubts(segmentationNode)
        self.ui.resultButton.collapsed = False

    def showDoubts(self, segmentationNode):
        self._doubts = [] if segmentationNode is None else self.logic.doubts(segmentationNode)
        self.ui.doubtsList.clear()
        self.ui.doubtsList.addItems([text for text, _place in self._doubts])

    def showRepair(self, repair):
        self._repair = repair
        findings = repair.findings if repair else ()
        self.ui.rulesList.clear()
        self.ui.rulesList.addItems([repair.told(finding) for finding in findings])
        self.ui.ruleBox.clear()
        self.ui.ruleBox.addItems([finding["rule"] for finding in findings if repair.can_undo(finding)])
        self.ui.undoRuleButton.enabled = self.ui.ruleBox.count > 0


@dataclass(frozen=True)
class Repair:
    """What was repaired into which node, what the rules found, and those that were taken back."""

    segmentationNode: vtkMRMLSegmentationNode
    volumeNode: vtkMRMLScalarVolumeNode
    sex: str | None
    undone: tuple[str, ...] = ()
    repairedNode: vtkMRMLSegmentationNode | None = None
    findings: tuple[dict, ...] = ()

    def without(self, rule):
        """The same with one more rule taken back."""
        return replace(self, undone=(*self.undone, rule))

    def can_undo(self, finding):
        """Whether the rule changed something that still stands."""
        return finding["voxels"] > 0 and finding["rule"] not in self.undone

    def told(self, finding):
        """A line for the list."""
        status, reason = finding["status"], finding["reason"]
        state = _("undone") if finding["rule"] in self.undone else status
        return f"{finding['rule']}: {state}. {reason.removeprefix(f'{status.capitalize()}: ')}"


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
        parameters = parameters or AtlasParameters()
        pip_ensure(IN_SLICER_FOR_MODELS if parameters.models() else IN_SLICER, requester="DAPAtlas")
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
        undo=(),
        replaces=None,
        progress=no_progress,
        cancelled=never_cancelled,
        runner=run_worker,
    ):
        """A new segmentation node: the given one, whose segments have DAP names, after all anatomical rules.

        The CT tells what lies under pieces that lose their label; the changes of the rules in `undo` are taken back.
        Returns the node, in place of the one that it `replaces`, and the rules' report; the scene changes only when the
        result is complete.
        """
        with self._written(segmentationNode, volumeNode) as (folder, words):
            words = ["rules", *words, "-o", str(folder / "repaired.seg.nrrd"), *(["--sex", sex] if sex else [])]
            words += ["--undo", ",".join(undo)] if undo else []
            report = runner(words, progress=progress, cancelled=cancelled)
            scene = segmentationNode.GetScene()
            scene.SaveStateForUndo()
            if replaces is not None and replaces.GetScene() is scene:
                self._forget_judged(replaces)
                scene.RemoveNode(replaces)
            title = f"{segmentationNode.GetName()} repaired"
            repaired = mrml.add_segmentation_file(scene, folder / "repaired.seg.nrrd", title)
        repaired.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        return repaired, report

    def judge(
        self,
        segmentationNode,
        volumeNode,
        sex=None,
        age=None,
        *,
        progress=no_progress,
        cancelled=never_cancelled,
        runner=run_worker,
    ):
        """A new table node: how far to trust each segment with a DAP name, with the evidence and a place (RAS mm)."""
        with self._written(segmentationNode, volumeNode) as (_folder, words):
            words = ["plausibility", *words, *(["--sex", sex] if sex else [])]
            words += [] if age is None else ["--age", str(age)]
            report = runner(words, progress=progress, cancelled=cancelled)
        segmentationNode.GetScene().SaveStateForUndo()
        return self._judged(segmentationNode, report["structures"])

    def doubts(self, segmentationNode):
        """What the segmentation's table doubts, the worst first: a line each, and its place (RAS mm) or None."""
        tableNode = segmentationNode.GetNodeReference(_JUDGED)
        rows = mrml.table_rows(tableNode) if tableNode else []
        doubtful = sorted((row for row in rows if row["verdict"] in _DOUBTS), key=lambda row: _DOUBTS[row["verdict"]])
        return [(f"{row['verdict']}: {row['structure']}: {row['evidence']}", _place(row)) for row in doubtful]

    @contextmanager
    def _written(self, segmentationNode, volumeNode):
        """A folder with the CT and the segmentation's label map, and the words of a command that reads them."""
        if segmentationNode is None or volumeNode is None:
            raise AnatomyGuidedError(_("A segmentation and its CT are needed; choose both first."))
        if segmentationNode.GetScene() is None or volumeNode.GetScene() is None:
            raise AnatomyGuidedError(_("The segmentation or its CT is no longer in the scene; choose others."))
        pip_ensure(IN_SLICER, requester="DAPAtlas")
        ct = mrml.volume_from_node(volumeNode, unit="HU")
        values = ids_by_title(mrml.segment_names(segmentationNode))
        labelmap = mrml.labelmap_from_segmentation_node(segmentationNode, ct.grid, values=values)
        with tempfile.TemporaryDirectory(prefix="anatomyguided-") as name:
            folder = Path(name)
            write_volume(ct, folder / "ct.nrrd")
            write_labelmap(labelmap, folder / "given.nrrd")
            yield folder, [f"{folder / 'given.nrrd'}@dap", "--ct", str(folder / "ct.nrrd")]

    def _forget_judged(self, segmentationNode):
        tableNode = segmentationNode.GetNodeReference(_JUDGED)
        if tableNode is not None:
            segmentationNode.GetScene().RemoveNode(tableNode)

    def _judged(self, segmentationNode, rows):
        self._forget_judged(segmentationNode)
        scene = segmentationNode.GetScene()
        tableNode = mrml.add_table(scene, f"{segmentationNode.GetName()} plausibility", assess.COLUMNS, rows)
        segmentationNode.SetNodeReferenceID(_JUDGED, tableNode.GetID())
        return tableNode

    def _shown(self, path, report, volumeNode):
        scene = volumeNode.GetScene()
        scene.SaveStateForUndo()
        title = f"{volumeNode.GetName()} DAP Atlas"
        segmentationNode = mrml.add_segmentation_file(scene, path, title)
        segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
        mrml.add_table(scene, f"{title} volumes", COLUMNS, report["structures"])
        self._judged(segmentationNode, report["plausibility"]["structures"])
        doubt = path.with_name("disagreement.nrrd")
        if doubt.exists():
            mrml.add_volume(scene, read_image(doubt), f"{title} disagreement")
        return segmentationNode


def atlas_parameters(node):
    """The Lib's parameters from the parameter node."""
    experts = ["rules"] if node.useRules else []
    if node.model != _NO_MODEL:
        experts.append(node.model)
    if str(node.organsFile) not in ("", "."):
        experts.append(f"file:{node.organsFile}@{node.organsScheme}")
    age = None if node.age < 0 else node.age
    return AtlasParameters(tuple(experts), known(node.sex), aggregation=node.aggregation, age=age)


def known(sex):
    """The sex, or None where the panel says that it is unknown."""
    return None if sex == "unknown" else sex


def _place(row):
    """The row's place, RAS mm; None where it has none."""
    place = tuple(float(row[name]) for name in ("r_mm", "a_mm", "s_mm"))
    return None if any(isnan(mm) for mm in place) else place


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
