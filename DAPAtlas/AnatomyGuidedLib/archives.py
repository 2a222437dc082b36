"""Unpacking a stranger's archive: nothing lands outside the folder, and nothing unpacks to more than was agreed."""

from __future__ import annotations

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.progress import CancelCheck, never_cancelled, stop_if

LARGEST_BYTES = 20 << 30
MOST_FILES = 10_000

_MOST_TIMES_LARGER = 200  # weights shrink by a tenth; what grows a thousandfold is a bomb
_SMALL_BYTES = 1 << 20  # below this a high ratio harms nobody
_CHUNK_BYTES = 1 << 20


def unpack_zip(
    archive: Path, folder: Path, *, largest_bytes: int = LARGEST_BYTES, cancelled: CancelCheck = never_cancelled
) -> None:
    """Nothing; the archive's files lie in the folder. Sizes are checked while they are written, not as they are stated.

    Raises:
        AnatomyGuidedError: It is no zip file, is damaged, names a file outside the folder or a link, or is too large.
        Cancelled: The user stopped.
    """
    try:
        with zipfile.ZipFile(archive) as source:
            members = source.infolist()
            _require_harmless(archive, members, largest_bytes)
            left = largest_bytes
            for member in members:
                stop_if(cancelled)
                left -= _unpack(source, member, folder, left)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, AnatomyGuidedError):
            raise
        raise AnatomyGuidedError(f"{archive.name} is damaged or no zip file; fetch it again.") from error


def _require_harmless(archive: Path, members: list[zipfile.ZipInfo], largest_bytes: int) -> None:
    if len(members) > MOST_FILES:
        raise AnatomyGuidedError(f"{archive.name} holds {len(members)} files, more than any model has; do not use it.")
    for member in members:
        place = PurePosixPath(member.filename.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts or ":" in member.filename:
            raise AnatomyGuidedError(f"{archive.name} names a file outside its folder; nothing was unpacked.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise AnatomyGuidedError(f"{archive.name} holds a link to another place; nothing was unpacked.")
        if member.file_size > max(_SMALL_BYTES, _MOST_TIMES_LARGER * member.compress_size):
            raise AnatomyGuidedError(f"{archive.name} unpacks to far more than it holds; nothing was unpacked.")
    if sum(member.file_size for member in members) > largest_bytes:
        raise AnatomyGuidedError(f"{archive.name} unpacks to over {largest_bytes >> 20} MiB; nothing was unpacked.")


def _unpack(source: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, most_bytes: int) -> int:
    """How many bytes were written."""
    target = folder / PurePosixPath(member.filename.replace("\\", "/"))
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    most = min(most_bytes, member.file_size)
    with source.open(member) as stream, target.open("xb") as file:
        shutil.copyfileobj(_Limited(stream, most), file, _CHUNK_BYTES)
        return file.tell()


class _Limited:
    """A stream that refuses to give more than it said it would."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._left = stream, most

    def read(self, size: int = -1, /) -> bytes:
        found = self._stream.read(size)
        self._left -= len(found)
        if self._left < 0:
            raise AnatomyGuidedError("The archive holds more than it states; do not use it.")
        return found
