"""Whether Slicer's libraries are here, asked without importing them."""

from __future__ import annotations

import importlib.util


def scene_unavailable_reason() -> str:
    """Why no MRML scene can be made, in a sentence; "" where it can."""
    if importlib.util.find_spec("slicer") is None:
        return "slicer-core is not installed; pip install 'slicer-anatomy-guided[scene]'."
    return ""
