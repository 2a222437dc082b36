"""What Slicer's own Python lacks: modules ask for it when the user first presses the button, never at start-up."""

from __future__ import annotations

IN_SLICER = ["nibabel>=5.2", "pynrrd>=1.1", "connected-components-3d>=3.18"]
IN_SLICER_FOR_MODELS = [*IN_SLICER, "safetensors>=0.4"]  # torch comes from Slicer's PyTorch extension
