"""The off-screen window that pictures are drawn in, and the check that there can be one.

Where neither EGL nor OSMesa works, VTK 9.6 makes a window that ends the whole process with a segmentation fault when it
is drawn. So a subprocess tries first, once.
"""

from __future__ import annotations

import functools
import importlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.interpreter import python_executable
from AnatomyGuidedLib.render_views import Picture

_PATIENCE_S = 120
_ADVICE = "on Debian and Ubuntu install libegl1 and libgl1-mesa-dri (or libosmesa6)"
_DRAWN = "drawn by "
_TRIAL = f"""
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except ImportError:
    pass
import vtk
window, renderer, pixels = vtk.vtkRenderWindow(), vtk.vtkRenderer(), vtk.vtkUnsignedCharArray()
window.SetOffScreenRendering(True)
window.SetShowWindow(False)
window.SetSize(8, 8)
renderer.SetBackground(1, 0, 0)
window.AddRenderer(renderer)
window.Render()
window.GetPixelData(0, 0, 7, 7, 1, pixels, 0)
assert pixels.GetTuple(0) == (255, 0, 0), "a red window came out in another colour"
print({_DRAWN!r} + window.GetClassName())
"""


class RenderingUnavailable(AnatomyGuidedError):
    """No picture can be drawn here; the message has the reason and what to install."""


def require_rendering() -> str:
    """The class of the off-screen window that works here; tried once for each display.

    Raises:
        RenderingUnavailable: slicer-core is missing, or no off-screen OpenGL works.
    """
    _require_slicer()
    window_class, reason = _tried(os.environ.get("DISPLAY"), os.environ.get("VTK_DEFAULT_OPENGL_WINDOW"))
    if not window_class:
        raise RenderingUnavailable(
            f"No picture can be drawn: off-screen OpenGL does not work here ({reason}); {_ADVICE}."
        )
    return window_class


@contextmanager
def off_screen(size: tuple[int, int], background: tuple[float, float, float]) -> Iterator[tuple[Any, Any]]:
    """A window of (width, height) with its one renderer, for as long as the context lasts.

    Raises:
        RenderingUnavailable: As `require_rendering`.
    """
    window_class = require_rendering()
    import vtk
    from vtkmodules import vtkRenderingOpenGL2

    # The class by name: vtkRenderWindow would look for a display again, and warn again where there is none.
    window = getattr(vtkRenderingOpenGL2, window_class)()
    window.SetOffScreenRendering(True)
    window.SetShowWindow(False)
    window.SetMultiSamples(0)
    window.SetSize(*size)
    renderer = vtk.vtkRenderer()
    renderer.SetBackground(*background)
    window.AddRenderer(renderer)
    interactor = vtk.vtkGenericRenderWindowInteractor()  # displayable managers ask for one
    interactor.SetRenderWindow(window)
    try:
        yield window, renderer
    finally:
        window.Finalize()


def drawn(window: Any) -> Picture:
    """The window's content after drawing it."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    window.Render()
    width, height = window.GetSize()
    pixels = vtk.vtkUnsignedCharArray()
    window.GetPixelData(0, 0, width - 1, height - 1, 1, pixels, 0)
    bottom_up = np.asarray(vtk_to_numpy(pixels), dtype=np.uint8).reshape(height, width, 3)
    return bottom_up[::-1].copy()


def add_letters(renderer: Any, right_ras: Any, up_ras: Any) -> None:
    """Nothing; the letters of the patient's directions stand at the picture's four edges."""
    edges = {(0.985, 0.5): right_ras, (0.015, 0.5): -right_ras, (0.5, 0.985): up_ras, (0.5, 0.015): -up_ras}
    for position, direction_ras in edges.items():
        renderer.AddViewProp(_letter(letter_of(direction_ras), position))


def letter_of(direction_ras: Any) -> str:
    """The letter of the anatomical direction that a RAS vector points to most.

    >>> letter_of(np.array([0.1, -0.9, 0.2]))
    'P'
    """
    axis = int(np.argmax(np.abs(direction_ras)))
    return "RAS"[axis] if direction_ras[axis] > 0 else "LPI"[axis]


def _letter(text: str, position: tuple[float, float]) -> Any:
    import vtk

    actor = vtk.vtkTextActor()
    actor.SetInput(text)
    actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
    actor.SetPosition(*position)
    style = actor.GetTextProperty()
    style.SetFontSize(16)
    style.SetColor(1.0, 1.0, 0.6)
    style.SetShadow(True)
    style.SetJustification(_third(position[0]))
    style.SetVerticalJustification(_third(position[1]))
    return actor


def _third(position: float) -> int:
    """VTK's justification towards an edge: 0 left or bottom, 1 centred, 2 right or top."""
    return 0 if position < 0.25 else 2 if position > 0.75 else 1


def _require_slicer() -> None:
    try:
        importlib.import_module("slicer")
        importlib.import_module("vtk")
    except ImportError as error:
        raise RenderingUnavailable(
            f"No picture can be drawn: Slicer's libraries are missing ({error}); install them with "
            "`pip install slicer-core`."
        ) from error


@functools.cache
def _tried(display: str | None, forced_class: str | None) -> tuple[str, str]:  # noqa: ARG001 - the cache's key
    """The window class that drew a picture in a subprocess, or "" and the reason."""
    try:
        trial = subprocess.run(
            [python_executable(), "-c", _TRIAL],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
            cwd=tempfile.gettempdir(),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"the trial did not run: {error}"
    lines = trial.stdout.splitlines()
    found = [line.removeprefix(_DRAWN) for line in lines if line.startswith(_DRAWN)]
    if trial.returncode == 0 and found:
        return found[-1], ""
    return "", _reason(trial.stderr, trial.returncode)


def _reason(stderr: str, code: int) -> str:
    """The last sentence that VTK or Python said, without VTK's time stamp.

    >>> _reason("2026 ( 0.4s) [ 7F ]vtkOSOpenGLRenderWindow:149   WARN| libOSMesa not found. It appears", -11)
    'libOSMesa not found'
    >>> _reason("", -11)
    'the trial ended with code -11'
    """
    lines = [line.replace("\033[0m", "").rpartition("| ")[2].strip() for line in stderr.splitlines()]
    return next(
        (line.split(". ")[0].rstrip(".") for line in reversed(lines) if line), f"the trial ended with code {code}"
    )
