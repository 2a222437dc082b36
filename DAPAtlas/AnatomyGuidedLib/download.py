"""Fetching a file that the user asked for: resumed where it stopped, checked, and never there by half."""

from __future__ import annotations

import hashlib
import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO, cast

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.progress import CancelCheck, Progress, never_cancelled, no_progress, stop_if

_CHUNK_BYTES = 1 << 18
_WAIT_S = 30.0
_SCHEMES = ("https://", "http://")


def download(
    address: str,
    target: Path,
    sha256: str,
    *,
    progress: Progress = no_progress,
    cancelled: CancelCheck = never_cancelled,
) -> None:
    """Nothing; the target holds the file of that checksum. What was fetched before a stop lies beside it as `.part`.

    Raises:
        AnatomyGuidedError: The address is not one of the web, the network fails, or the checksum is another.
        Cancelled: The user stopped; the next call goes on from there.
    """
    if not address.lower().startswith(_SCHEMES):
        raise AnatomyGuidedError("Only addresses that begin with https:// or http:// are fetched.")
    part = target.with_name(f"{target.name}.part")
    try:
        _fetch(address, part, progress, cancelled)
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        raise AnatomyGuidedError(
            f"{target.name} could not be fetched ({_reason(error)}); check the network and run again: what is there "
            "already is kept."
        ) from error
    found = _digest(part)
    if found != sha256.lower():
        part.unlink()
        raise AnatomyGuidedError(
            f"{target.name} is not the file that was expected: its sha256 is {found[:12]}..., expected was "
            f"{sha256[:12].lower()}...; it was removed."
        )
    part.replace(target)


def _fetch(address: str, part: Path, progress: Progress, cancelled: CancelCheck) -> None:
    begun = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={begun}-"} if begun else {})
    try:
        answer = cast(HTTPResponse, urllib.request.urlopen(request, timeout=_WAIT_S))
    except urllib.error.HTTPError as error:
        if error.code == 416 and begun:  # nothing is left to fetch
            return
        raise
    with answer:
        goes_on = answer.status == 206
        have = begun if goes_on else 0
        total = have + int(answer.headers.get("Content-Length") or 0)
        with part.open("ab" if goes_on else "wb") as file:
            _copy(answer, file, have, total, progress, cancelled)


def _copy(
    answer: HTTPResponse, file: BinaryIO, have: int, total: int, progress: Progress, cancelled: CancelCheck
) -> None:
    started, first = time.monotonic(), have
    while chunk := answer.read(_CHUNK_BYTES):
        stop_if(cancelled)
        file.write(chunk)
        have += len(chunk)
        speed = (have - first) / max(time.monotonic() - started, 1e-6)
        left = f", {(total - have) / speed:.0f} s left" if total else ""
        progress(have / total if total else 0.0, f"{have / 1e6:.1f} MB of {total / 1e6:.1f} MB{left}")
    if total and have < total:
        raise ConnectionError("the connection ended early")


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    return str(getattr(error, "reason", error)) or type(error).__name__


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
