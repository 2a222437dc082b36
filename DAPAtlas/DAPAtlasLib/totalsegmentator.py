"""TotalSegmentator as a live expert: its own command in a process of its own, offline, on a copy without a name.

The tool would fetch missing weights and send usage statistics; here it does neither: weights must be there, and it gets
a home folder whose settings say that nothing is sent. Options and folders are those of its version 2 (Wasserthal et al.
2023, doi 10.1148/ryai.230024).
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Labelmap, Volume, require_same_grid
from AnatomyGuidedLib.interpreter import python_executable
from AnatomyGuidedLib.io import read_labelmap, write_volume
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of, scheme, to_dap
from AnatomyGuidedLib.processes import run_process
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress

from DAPAtlasLib.opinions import Opinion

NAME, FAST_NAME = "totalsegmentator", "totalsegmentator-fast"

_COMMAND, _MODULE = "TotalSegmentator", "totalsegmentator.bin.TotalSegmentator"
_SCHEME = "totalsegmentator"
_WEIGHTS = {False: (291, 292, 293, 294, 295), True: (297,)}  # numbers of nnU-Net data sets, by whether it is fast
_TASKS = {False: "total", True: "total_fast"}  # as its own command for fetching weights calls them
_SETTINGS = {"totalseg_id": "none", "send_usage_stats": False, "prediction_counter": 0}


@dataclass(frozen=True)
class TotalSegmentatorExpert:
    """TotalSegmentator's task `total`: at 1.5 mm, or with `is_fast` at 3 mm."""

    is_fast: bool = False

    @property
    def name(self) -> str:
        return FAST_NAME if self.is_fast else NAME

    def opinion(
        self,
        ct: Volume,
        cancelled: CancelCheck = never_cancelled,
        progress: Progress = no_progress,  # noqa: ARG002
    ) -> Opinion:
        """What the tool says of the CT, in DAP ids.

        Raises:
            AnatomyGuidedError: The tool or its weights are not on this machine, or it failed, with its own last words.
            Cancelled: `cancelled` came true; its process has ended.
        """
        words = [*_command(), *(["--fast"] if self.is_fast else [])]
        weights = _require_weights(self.is_fast)
        with tempfile.TemporaryDirectory(prefix="anatomyguided-") as folder:
            image, output, home = (Path(folder) / name for name in ("ct.nii.gz", "labels.nii.gz", "home"))
            home.mkdir()
            (home / "config.json").write_text(json.dumps(_SETTINGS), encoding="utf-8")
            write_volume(ct, image)
            environment = {"TOTALSEG_HOME_DIR": str(home), "TOTALSEG_WEIGHTS_PATH": str(weights)}
            words += ["-i", str(image), "-o", str(output), "--ml", "--quiet"]
            said = Path(folder) / "said.txt"
            run_process(words, said, name="TotalSegmentator", environment=environment, cancelled=cancelled)
            if not output.is_file():
                raise AnatomyGuidedError("TotalSegmentator ended without an error, but wrote no label map.")
            given = read_labelmap(output)
        require_same_grid(given.grid, ct.grid, names=("TotalSegmentator's label map", "the CT"))
        known = scheme(_SCHEME)
        labelmap = to_dap(Labelmap(given.values, ct.grid), known)
        return Opinion(self.name, labelmap, frozenset(known.to_dap.values()) - {0, id_of(UNKNOWN_TISSUE)})


def _command() -> list[str]:
    """The tool's command from the path, or from this Python's packages."""
    found = shutil.which(_COMMAND)
    if found:
        return [found]
    if importlib.util.find_spec(_COMMAND.lower()):
        return [python_executable(), "-m", _MODULE]
    raise AnatomyGuidedError(
        "TotalSegmentator is not installed: install it (pip install TotalSegmentator, best in an environment of its "
        "own) so that its command is on the PATH, or give a label map that it made as file:LABELMAP@totalsegmentator."
    )


def _require_weights(is_fast: bool) -> Path:
    """The folder of the tool's weights, with all that the task needs."""
    home = Path(os.environ.get("TOTALSEG_HOME_DIR") or Path.home() / ".totalsegmentator")
    folder = Path(os.environ.get("TOTALSEG_WEIGHTS_PATH") or home / "nnunet" / "results")
    missing = [number for number in _WEIGHTS[is_fast] if not any(folder.glob(f"Dataset{number}_*"))]
    if missing:
        raise AnatomyGuidedError(
            f"TotalSegmentator's weights are not on this machine (data set {missing[0]} is missing), and nothing is "
            f"fetched unasked: run totalseg_download_weights -t {_TASKS[is_fast]} once."
        )
    return folder
