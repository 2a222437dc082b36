"""What results were made from, where a name or a path alone does not tell: files and models may change under them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from AnatomyGuidedLib.models import ModelNotInstalled, find_model

from PathologySegLib.data_sets import PetCtCase


def file_stamps(case: PetCtCase) -> list[str]:
    """Place, bytes and time of the last change of each file of a case, of a DICOM folder those of its files."""
    return [_stamp(file) for given in case.files() for file in _each(given)]


def model_checksums(names: Iterable[str]) -> dict[str, str]:
    """By name the checksum of what the cards of atlas models say of their weights.

    Bundled models stay as they are and are left out, and so are those that are not installed.

    Raises:
        AnatomyGuidedError: A model is damaged.
    """
    found = {}
    for name in sorted({*names} - {""}):
        try:
            model = find_model(name)
        except ModelNotInstalled:
            continue
        if not model.is_bundled:
            found[name] = hashlib.sha256(json.dumps(dict(model.files), sort_keys=True).encode()).hexdigest()[:16]
    return found


def _each(given: Path) -> list[Path]:
    return sorted(file for file in given.rglob("*") if file.is_file()) if given.is_dir() else [given]


def _stamp(file: Path) -> str:
    told = file.stat()
    return f"{file.resolve()}, {told.st_size} bytes, changed at {told.st_mtime_ns} ns"
