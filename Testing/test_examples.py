"""The console examples run as they stand, on the headless host."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

slicer_host = pytest.importorskip("slicer_host", reason="slicer-core and PySide6 are not installed")


def test_the_console_tour_makes_every_result(host):
    for name in ("DAPAtlas", "PathologySeg", "LIMISModule", "CCMetrics"):
        slicer_host.load_module(name)
    shown = runpy.run_path(str(Path(__file__).parent / "examples" / "console_tour.py"))
    assert shown["scores"].evaluation.missed == 0
    assert shown["scores"].evaluation.cc_dice.value > 0.5
    assert shown["limis"].resultNode is not None
    names = {node.GetName() for node in host.scene.GetNodesByClass("vtkMRMLSegmentationNode")}
    assert {"CT DAP Atlas", "PET lesions (suv4)", "CT LIMIS"} <= names
