"""What every test may ask for: the headless Slicer host, real images, and the command line."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

_REPOSITORY = Path(__file__).parent
_SLICER_IS_HERE = importlib.util.find_spec("slicer") is not None and importlib.util.find_spec("PySide6") is not None

_KNOW_SLICER = ("mrml", "render_3d", "render_scene", "render_slice")

pytest_plugins = ["slicer_host.fixtures"] if _SLICER_IS_HERE else []
# Module files and examples run in the headless host, benchmarks by hand.
collect_ignore = [f"{name}/{name}.py" for name in ("DAPAtlas", "PathologySeg", "LIMISModule", "CCMetrics")]
collect_ignore += ["Testing/examples", "Testing/benchmarks"]
if not _SLICER_IS_HERE:
    collect_ignore += ["Testing/slicer_host", "Testing/widgets"]
    collect_ignore += [f"DAPAtlas/AnatomyGuidedLib/{name}.py" for name in _KNOW_SLICER]
    collect_ignore += ["LIMISModule/LIMISLib/session_nodes.py"]


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real images, which are not part of the repository."""
    folder = Path(os.environ.get("ANATOMYGUIDED_REALDATA", _REPOSITORY.parent / "shared" / "realdata"))
    if not folder.is_dir():
        pytest.skip("real images are not here; set ANATOMYGUIDED_REALDATA to their folder")
    return folder


@pytest.fixture
def run_command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The command line as a function of words: exit code, standard output, standard error."""
    from AnatomyGuidedLib.cli import main

    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run
