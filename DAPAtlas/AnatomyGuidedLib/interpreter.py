"""Which Python runs the worker processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def python_executable() -> str:
    """Slicer's own Python where this runs inside Slicer (whose sys.executable is the application), else this one."""
    slicer_home = os.environ.get("SLICER_HOME")
    if not slicer_home:
        return sys.executable
    return str(Path(slicer_home) / "bin" / ("PythonSlicer.exe" if os.name == "nt" else "PythonSlicer"))
