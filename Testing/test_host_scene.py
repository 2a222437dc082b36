"""The host's scene is the real one, and nothing goes wrong in silence."""

from __future__ import annotations

import pytest

pytest.importorskip("slicer_core", reason="the slicer-core wheel is not installed")
pytest.importorskip("PySide6", reason="PySide6 is not installed")

import numpy as np
import slicer
import vtk
from slicer_host import Host, HostFault
from widgets.errors import NotImitated, UnknownName

SHAPE_KJI = (4, 5, 6)


def add_volume(name: str = "ct") -> slicer.vtkMRMLScalarVolumeNode:
    return slicer.util.addVolumeFromArray(np.zeros(SHAPE_KJI, np.int16), name=name)


def test_the_scene_has_the_singletons_that_slicer_starts_with(host: Host) -> None:
    application_logic = slicer.app.applicationLogic()
    assert application_logic.GetMRMLScene() is slicer.mrmlScene is host.scene
    assert application_logic.GetSelectionNode() is slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    assert application_logic.GetInteractionNode() is not None
    assert slicer.mrmlScene.GetSubjectHierarchyNode() is not None


def test_starting_the_host_raises_no_error_of_vtk(host: Host) -> None:
    host.check()
    assert host.faults.warnings == []


def test_voxels_go_into_a_segment_and_come_back_unchanged(host: Host) -> None:
    volume = add_volume()
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.CreateDefaultDisplayNodes()
    segment_id = segmentation.GetSegmentation().AddEmptySegment("liver")
    mask = np.zeros(SHAPE_KJI, np.uint8)
    mask[1, 2, 3] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segment_id, volume)
    np.testing.assert_array_equal(slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume), mask)
    host.check()


def test_the_segmentations_logic_exports_a_label_map(host: Host) -> None:
    volume = add_volume()
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segment_id = segmentation.GetSegmentation().AddEmptySegment("spleen")
    mask = np.ones(SHAPE_KJI, np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segment_id, volume)
    labelmap = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    logic = slicer.modules.segmentations.logic()
    assert logic.ExportVisibleSegmentsToLabelmapNode(segmentation, labelmap, volume)
    assert slicer.util.arrayFromVolume(labelmap).sum() == mask.sum()
    host.check()


def test_a_scene_bundle_can_be_written_and_read(host: Host, tmp_path: object) -> None:
    add_volume("kept")
    path = str(tmp_path / "scene.mrb")
    assert host.scene.WriteToMRB(path)
    host.clear()
    assert slicer.mrmlScene.GetFirstNodeByName("kept") is None
    assert host.scene.ReadFromMRB(path)
    assert slicer.util.arrayFromVolume(slicer.util.getNode("kept")).shape == SHAPE_KJI


def test_clearing_removes_data_and_parameter_nodes_and_keeps_singletons(host: Host) -> None:
    add_volume()
    parameters = slicer.vtkMRMLScriptedModuleNode()
    parameters.SetSingletonTag("Anything")
    slicer.mrmlScene.AddNode(parameters)
    host.clear()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == 0
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScriptedModuleNode") == 0
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSelectionNode") == 1


def test_an_error_of_vtk_fails_the_check_once(host: Host) -> None:
    slicer.mrmlScene.AddNode(None)
    with pytest.raises(HostFault, match="unable to add a null node"):
        host.check()
    host.check()


def test_an_exception_in_an_observer_fails_the_check(host: Host) -> None:
    def observe(*_: object) -> None:
        raise ValueError("the observer failed")

    tag = slicer.mrmlScene.AddObserver(slicer.mrmlScene.NodeAddedEvent, observe)
    add_volume()
    slicer.mrmlScene.RemoveObserver(tag)
    with pytest.raises(HostFault, match="the observer failed"):
        host.check()


def test_clearing_forgets_faults(host: Host) -> None:
    slicer.mrmlScene.AddNode(None)
    host.clear()
    host.check()


@pytest.mark.parametrize("name", ["Segmentations", "Volumes", "SubjectHierarchy", "Terminologies", "Markups"])
def test_modules_of_slicers_own_offer_their_real_logics(host: Host, name: str) -> None:
    logic = getattr(slicer.modules, name.lower()).logic()
    assert logic.IsA("vtkSlicerModuleLogic")
    assert logic is slicer.util.getModuleLogic(name)
    assert logic.GetMRMLScene() is host.scene


def test_the_terminology_logic_knows_a_category(host: Host) -> None:
    names = vtk.vtkStringArray()
    slicer.modules.terminologies.logic().GetLoadedTerminologyNames(names)
    assert "Segmentation category and type - 3D Slicer General Anatomy list" in [
        names.GetValue(index) for index in range(names.GetNumberOfValues())
    ]
    host.check()


def test_the_package_offers_what_it_lists_and_nothing_else() -> None:
    import slicer_host

    for name in slicer_host.__all__:
        assert getattr(slicer_host, name).__name__ == name
    with pytest.raises(AttributeError, match="begin"):
        slicer_host.begin  # noqa: B018


def test_an_unknown_module_raises(host: Host) -> None:  # noqa: ARG001
    with pytest.raises(UnknownName, match="nosuchmodule"):
        slicer.modules.nosuchmodule  # noqa: B018
    with pytest.raises(RuntimeError, match="NoSuchModule"):
        slicer.util.getModule("NoSuchModule")


def test_unknown_names_of_slicer_and_its_parts_raise(host: Host) -> None:  # noqa: ARG001
    for owner in (slicer, slicer.util, slicer.app, slicer.modules, slicer.app.layoutManager(), slicer.packaging):
        with pytest.raises(AttributeError, match="noSuchName"):
            owner.noSuchName  # noqa: B018


def test_what_slicer_has_and_the_host_does_not_imitate_says_so(host: Host) -> None:  # noqa: ARG001
    with pytest.raises(NotImitated, match="pythonConsole"):
        slicer.app.pythonConsole()
    with pytest.raises(NotImitated, match="needs a view"):
        slicer.app.layoutManager().sliceWidget("Red")


def test_calls_that_only_tidy_views_pass_without_views(host: Host) -> None:
    slicer.util.resetSliceViews()
    slicer.util.resetThreeDViews()
    slicer.util.setSliceViewerLayers(background=add_volume(), fit=True)
    with slicer.util.RenderBlocker():
        slicer.app.processEvents()
    host.check()


def test_settings_and_temporary_files_stay_in_the_hosts_own_folder(host: Host) -> None:  # noqa: ARG001
    import qt

    assert qt.QSettings().fileName().startswith(slicer.app.temporaryPath)
    assert slicer.app.userSettings().fileName().startswith(slicer.app.temporaryPath)
    assert slicer.util.tempDirectory().startswith(slicer.app.temporaryPath)


def test_a_process_runs_without_blocking_and_reports_its_lines(host: Host) -> None:
    import sys
    import time

    lines: list[str] = []
    codes: list[int] = []
    slicer.util.launchConsoleProcess(
        [sys.executable, "-c", "print('half'); print('done')"],
        blocking=False,
        logCallback=lines.append,
        completedCallback=codes.append,
    )
    end = time.monotonic() + 20
    while not codes and time.monotonic() < end:
        host.process_events()
        time.sleep(0.02)
    assert [line.strip() for line in lines] == ["half", "done"]
    assert codes == [0]
