"""Slicer starts without the packages that it lacks: module files load, and nothing is installed or asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("slicer_host", reason="slicer-core and PySide6 are not installed")

_LOADED_WITHOUT = """
import sys
for name in ("nibabel", "nrrd", "cc3d", "torch", "monai", "transformers"):
    sys.modules[name] = None
from slicer_host import load_module, start
start()
load_module(sys.argv[1]).widget()
"""


@pytest.mark.parametrize("name", ["DAPAtlas", "PathologySeg", "LIMISModule", "CCMetrics"])
def test_a_module_and_its_panel_load_without_what_slicer_lacks(name):
    repository = Path(__file__).parent.parent
    folders = ("DAPAtlas", "PathologySeg", "LIMISModule", "CCMetrics", "Testing")
    path = os.pathsep.join(str(repository / folder) for folder in folders)
    run = subprocess.run(
        [sys.executable, "-c", _LOADED_WITHOUT, name],
        env={"PYTHONPATH": path, "QT_QPA_PLATFORM": "offscreen", "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
