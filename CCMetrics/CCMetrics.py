"""CC-Metrics: the panel, its wiring, and the console's entry; the work is in `CCMetricsLib`."""

from dataclasses import dataclass
from typing import Annotated, Union

import numpy as np
import slicer
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.mrml import (
    add_segmentation,
    add_table,
    labelmap_from_segmentation_node,
    segment_names,
    segmentation_layers,
    volume_from_node,
)
from AnatomyGuidedLib.panel import ParameterPanel
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, part_of, stop_if
from AnatomyGuidedLib.requirements import IN_SLICER
from AnatomyGuidedLib.segments import Segment, numbered_segments
from CCMetricsLib.evaluate import Evaluation, EvaluationParameters, evaluate
from CCMetricsLib.inputs import covering_grid, labelmap_from_volume, placed
from CCMetricsLib.maps import of_class, region_map, region_segments, scored_lesions
from CCMetricsLib.report import COLUMNS, component_rows, summary_lines
from slicer import vtkMRMLLabelMapVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.packaging import pip_ensure
from slicer.parameterNodeWrapper import Choice, parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin

# The parameter node knows typing.Union alone, and with more than one node class None among them.
LabelsNode = Union[vtkMRMLSegmentationNode, vtkMRMLLabelMapVolumeNode, None]  # noqa: UP007


class CCMetrics(ScriptedLoadableModule):
    """How Slicer lists the module."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("CC-Metrics")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations", "Tables"]
        parent.contributors = ["AnatomyGuided contributors"]
        parent.helpText = _(
            "Scores a segmentation against a reference lesion by lesion, so that a small lesion counts as much as a "
            "large one. Each voxel belongs to its nearest reference lesion; every lesion is scored in its own region."
        )
        parent.acknowledgementText = _("CC-Metrics: chapter 5 of the thesis that this extension implements.")


@parameterNodeWrapper
class CCMetricsParameterNode:
    """The panel's choices; `evaluation_parameters` makes them the Lib's."""

    reference: LabelsNode
    prediction: LabelsNode
    distance: Annotated[str, Choice(["mm", "voxels"])] = "mm"
    connectivity: Annotated[int, Choice([26, 18, 6])] = 26
    referenceIsNumbered: bool = False
    scoreColors: bool = False
    regionMap: bool = False


class CCMetricsWidget(ParameterPanel, ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        self.setupForm(slicer, "UI/CCMetrics.ui", CCMetricsLogic())
        self.setupJobs(self.onApply, slicer.app.processEvents)

    def onSceneStartClose(self, caller, event):
        super().onSceneStartClose(caller, event)
        self.showResult(None, "")

    def onApply(self):
        failed = _("The prediction was not scored.")
        with slicer.util.tryWithErrorDisplay(failed), self.working() as (progress, cancelled):
            node = self._parameterNode
            parameters = evaluation_parameters(node)
            options = {"scoreColors": node.scoreColors, "regionMap": node.regionMap}
            options |= {"progress": progress, "cancelled": cancelled}
            result = self.logic.evaluate(node.reference, node.prediction, parameters, **options)
            self.showResult(result.tableNode, "\n".join(summary_lines(result.evaluation)))

    def showResult(self, tableNode, text):
        self.ui.summaryLabel.text = text
        self.ui.lesionTable.setMRMLTableNode(tableNode)
        self.ui.resultsCollapsibleButton.collapsed = tableNode is None


@dataclass(frozen=True)
class CCMetricsResult:
    """The scores, the table node that holds one row a lesion, and the segmentations that were asked for."""

    evaluation: Evaluation
    tableNode: vtkMRMLTableNode
    scoreNode: vtkMRMLSegmentationNode | None = None
    regionNode: vtkMRMLSegmentationNode | None = None


@dataclass(frozen=True)
class _Shown:
    """A label map on its way to a segmentation node."""

    labelmap: Labelmap
    segments: list[Segment]
    name: str
    fill: float


class CCMetricsLogic(ScriptedLoadableModuleLogic):
    """From nodes to scores and a table.

    >>> result = CCMetricsLogic().evaluate(getNode("Reference"), getNode("Prediction"))  # doctest: +SKIP
    >>> result.evaluation.cc_dice.value, result.evaluation.missed  # doctest: +SKIP
    """

    def getParameterNode(self):
        return CCMetricsParameterNode(super().getParameterNode())

    def evaluate(
        self,
        referenceNode: LabelsNode,
        predictionNode: LabelsNode,
        parameters: EvaluationParameters | None = None,
        *,
        scoreColors: bool = False,
        regionMap: bool = False,
        progress: Progress = no_progress,
        cancelled: CancelCheck = never_cancelled,
    ) -> CCMetricsResult:
        """The prediction's scores; the scene gets a table with one row a lesion of the reference.

        With `scoreColors` it also gets the lesions coloured by their Dice, with `regionMap` the region of each lesion,
        inside the box that both nodes fill. All segments of a segmentation are foreground; a numbered reference has one
        lesion a segment.

        Raises:
            AnatomyGuidedError: A node holds no labels, or the two do not share their voxels.
            Cancelled: `cancelled` came true; the scene is as it was.
        """
        if referenceNode is None or predictionNode is None:
            raise AnatomyGuidedError(_("A reference and a prediction are needed; choose both nodes first."))
        classes = parameters.classes if parameters else ()
        if regionMap and len(classes) > 1:
            raise AnatomyGuidedError(_("A map of regions shows one class; evaluate the classes one at a time."))
        pip_ensure(IN_SLICER, requester="CCMetrics")
        grid = covering_grid([*_gridsFromNode(referenceNode), *_gridsFromNode(predictionNode)])
        reference, prediction = (_labelmapFromNode(node, grid) for node in (referenceNode, predictionNode))
        case, scoring = referenceNode.GetName(), part_of(progress, 0.0, 0.8)
        evaluation = evaluate(reference, prediction, parameters, case=case, progress=scoring, cancelled=cancelled)
        progress(0.8, _("Making the maps"))
        scores = _scoreMap(reference, evaluation) if scoreColors else None
        regions = _regionMap(reference, evaluation) if regionMap else None
        stop_if(cancelled)
        return _addResults(evaluation, predictionNode, scores, regions)


def evaluation_parameters(node: CCMetricsParameterNode) -> EvaluationParameters:
    """The Lib's parameters from the parameter node."""
    instances = "reference" if node.referenceIsNumbered else "none"
    return EvaluationParameters(node.distance, node.connectivity, instances)


def _gridsFromNode(node: LabelsNode) -> list[Grid]:
    if isinstance(node, vtkMRMLSegmentationNode):
        return [layer.grid for layer in segmentation_layers(node)]
    return [volume_from_node(node).grid]


def _labelmapFromNode(node: LabelsNode, grid: Grid) -> Labelmap:
    if isinstance(node, vtkMRMLSegmentationNode):
        values = {segmentId: number for number, segmentId in enumerate(segment_names(node), start=1)}
        return labelmap_from_segmentation_node(node, grid, values=values)
    return placed(labelmap_from_volume(volume_from_node(node), node.GetName()), grid)


def _scoreMap(reference: Labelmap, evaluation: Evaluation) -> _Shown:
    name = _("{name} by Dice").format(name=evaluation.case)
    return _Shown(*scored_lesions(reference, evaluation), name, 0.6)


def _regionMap(reference: Labelmap, evaluation: Evaluation) -> _Shown:
    name = _("Regions of {name}").format(name=evaluation.case)
    regions = region_map(of_class(reference, evaluation.classes[0].name), evaluation.parameters)
    return _Shown(regions, region_segments(evaluation.components), name, 0.2)


def _addResults(
    evaluation: Evaluation, predictionNode: LabelsNode, scores: _Shown | None, regions: _Shown | None
) -> CCMetricsResult:
    """All nodes in one step that can be undone."""
    scene = predictionNode.GetScene()
    scene.SaveStateForUndo()
    name = scene.GenerateUniqueName(_("CC-Metrics of {name}").format(name=predictionNode.GetName()))
    tableNode = add_table(scene, name, COLUMNS, component_rows(evaluation))
    tableNode.SetDescription("\n".join(summary_lines(evaluation)))
    return CCMetricsResult(evaluation, tableNode, *(_addShown(scene, shown) for shown in (scores, regions)))


def _addShown(scene, shown: _Shown | None) -> vtkMRMLSegmentationNode | None:
    if shown is None:
        return None
    node = add_segmentation(scene, shown.labelmap, shown.segments, scene.GenerateUniqueName(shown.name))
    node.GetDisplayNode().SetOpacity2DFill(shown.fill)
    return node


class CCMetricsTest(ScriptedLoadableModuleTest):
    """Two lesions of 8 and 2 voxels of 6 mm3; the prediction has half of the large one and a voxel beside the small."""

    def setUp(self):
        slicer.mrmlScene.Clear()
        self.grid = grid = Grid((12, 4, 3), np.diag([-1.0, 2.0, 3.0, 1.0]))
        reference, prediction = np.zeros(grid.shape, np.uint8), np.zeros(grid.shape, np.uint8)
        reference[0:2, 0:2, 0:2], reference[9:11, 2, 1] = 1, 2
        prediction[0:2, 0:2, 0], prediction[11, 2, 1] = 1, 1
        self.reference = self.addSegmentation(reference, grid, "Reference")
        self.prediction = self.addSegmentation(prediction, grid, "Prediction")

    def addSegmentation(self, values, grid, name):
        segments = numbered_segments(int(values.max()), name, (200, 80, 60))
        return add_segmentation(slicer.mrmlScene, Labelmap(values, grid), segments, name)

    def voxels(self, node):
        """How many voxels each segment has, by its number."""
        return np.bincount(labelmap_from_segmentation_node(node, self.grid).values.ravel())[1:].tolist()

    def runTest(self):
        for test in (
            self.test_the_console_call_scores_lesion_by_lesion,
            self.test_a_label_map_node_scores_the_same_as_a_segmentation,
            self.test_the_scene_gets_one_table_with_a_row_a_lesion,
            self.test_lesions_are_coloured_by_their_dice_on_request,
            self.test_every_voxel_has_its_region_on_request,
            self.test_lesions_of_several_classes_are_named_by_their_class,
            self.test_a_stopped_evaluation_leaves_the_scene_as_it_was,
        ):
            self.setUp()
            test()

    def test_the_console_call_scores_lesion_by_lesion(self):
        evaluation = CCMetricsLogic().evaluate(self.reference, self.prediction).evaluation
        self.assertAlmostEqual(evaluation.dice.value, 2 * 4 / (10 + 5))
        self.assertAlmostEqual(evaluation.cc_dice.value, (2 * 4 / (8 + 4) + 0) / 2)
        self.assertEqual(evaluation.missed, 1)
        self.assertAlmostEqual(evaluation.components[1].fp_volume_ml, 0.006)

    def test_a_label_map_node_scores_the_same_as_a_segmentation(self):
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Reference")
        logic = slicer.modules.segmentations.logic()
        self.assertTrue(logic.ExportAllSegmentsToLabelmapNode(self.reference, node))
        expected = CCMetricsLogic().evaluate(self.reference, self.prediction).evaluation
        self.assertEqual(CCMetricsLogic().evaluate(node, self.prediction).evaluation, expected)

    def test_the_scene_gets_one_table_with_a_row_a_lesion(self):
        tableNode = CCMetricsLogic().evaluate(self.reference, self.prediction).tableNode
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode"), 1)
        self.assertEqual((tableNode.GetNumberOfRows(), tableNode.GetNumberOfColumns()), (2, len(COLUMNS)))
        self.assertIn("CC-Dice", tableNode.GetDescription())

    def test_lesions_are_coloured_by_their_dice_on_request(self):
        node = CCMetricsLogic().evaluate(self.reference, self.prediction, scoreColors=True).scoreNode
        half, missed = (node.GetSegmentation().GetNthSegment(index) for index in range(2))
        self.assertEqual([half.GetName(), missed.GetName()], ["Lesion 1: Dice 0.67", "Lesion 2: missed"])
        self.assertGreater(half.GetColor()[1], missed.GetColor()[1])
        self.assertEqual(self.voxels(node), [8, 2])

    def test_every_voxel_has_its_region_on_request(self):
        node = CCMetricsLogic().evaluate(self.reference, self.prediction, regionMap=True).regionNode
        self.assertEqual(sum(self.voxels(node)), 12 * 4 * 3)
        self.assertGreater(min(self.voxels(node)), 2)

    def test_lesions_of_several_classes_are_named_by_their_class(self):
        parameters = EvaluationParameters(classes=(1, 2))
        node = CCMetricsLogic().evaluate(self.reference, self.prediction, parameters, scoreColors=True).scoreNode
        names = [node.GetSegmentation().GetNthSegment(index).GetName() for index in range(2)]
        self.assertEqual(names, ["Class 1, lesion 1: Dice 0.62", "Class 2, lesion 1: missed"])
        self.assertEqual(self.voxels(node), [8, 2])
        with self.assertRaises(AnatomyGuidedError):
            CCMetricsLogic().evaluate(self.reference, self.prediction, parameters, regionMap=True)

    def test_a_stopped_evaluation_leaves_the_scene_as_it_was(self):
        with self.assertRaises(Cancelled):
            CCMetricsLogic().evaluate(self.reference, self.prediction, cancelled=lambda: True)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode"), 0)
