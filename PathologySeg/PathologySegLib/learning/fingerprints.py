"""What results were made from, where a name or a path alone does not tell: files and models may change under them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from AnatomyGuidedLib.io import split_scheme
from AnatomyGuidedLib.models import ModelNotInstalled, find_model

from PathologySegLib.data_sets import PetCtCase

_FILES, _BLOCKS, _BLOCK = 16, 64, 1 << 15  # 2 MiB at most of an image, some files of a series


def file_stamps(case: PetCtCase) -> list[str]:
    """What tells a case's files from others, wherever they lie: bytes and a checksum of each, and the labels' scheme.

    Label maps are read whole. Of large images and series some blocks are read, the last of an image among them, in
    which a compressed file has the checksum of its whole content.
    """
    images = [_stamp(image, whole=False) for image in (case.ct, case.pet)]
    lesions = _stamp(case.lesions, whole=True)
    if case.anatomy is None:
        return [*images, lesions]
    path, scheme = split_scheme(case.anatomy)
    return [*images, lesions, f"{_stamp(path, whole=True)}, {scheme}"]


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


def _stamp(given: Path, *, whole: bool) -> str:
    files = sorted(file for file in given.rglob("*") if file.is_file()) if given.is_dir() else [given]
    found = hashlib.sha256()
    for file in files:
        found.update(f"{file.name if given.is_dir() else ''} {file.stat().st_size}\n".encode())
    step = max(1, len(files) // _FILES)
    for file in files[::step]:
        _add(found, file, whole)
    return f"{sum(file.stat().st_size for file in files)} bytes, sha256 {found.hexdigest()[:16]}"


def _add(found: hashlib._Hash, file: Path, whole: bool) -> None:
    size = file.stat().st_size
    with file.open("rb") as stream:
        if whole or size <= _BLOCKS * _BLOCK:
            while block := stream.read(_BLOCKS * _BLOCK):
                found.update(block)
            return
        for place in range(_BLOCKS):
            stream.seek(place * (size - _BLOCK) // (_BLOCKS - 1))
            found.update(stream.read(_BLOCK))
