"""What parity tests measured, a line each: `pytest -rP` shows them, so that a table can be made of them."""

from __future__ import annotations

import os
import sys


def told(share: float, what: str = "same label") -> None:
    """Nothing; a line with the running test's name and the share of voxels is among what the test said."""
    name = os.environ.get("PYTEST_CURRENT_TEST", "").split("::")[-1].split(" ")[0]
    sys.stdout.write(f"parity | {name} | {what} | {share:.4%}\n")
