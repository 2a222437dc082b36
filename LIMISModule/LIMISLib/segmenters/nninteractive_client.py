"""The protocol that nnInteractive's Slicer plugin speaks with its server (github.com/coendevente/SlicerNNInteractive).

Images go as .npy in a form, masks as gzipped .npy, boxes and clicks as JSON with indices in the array's order; a mask
comes back as gzipped bits, eight voxels a byte. A refusal comes as JSON with a message, and with status 200.
"""

from __future__ import annotations

import gzip
import http.client
import io
import ipaddress
import json
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError

_GZIP = b"\x1f\x8b"
_EXAMPLE = "http://127.0.0.1:1527"


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int
    is_secure: bool = False


def own_machine_or_allowed(text: str, *, allow_remote: bool) -> Address:
    """The address in `http://HOST:PORT`.

    >>> own_machine_or_allowed("http://127.0.0.1:1527", allow_remote=False)
    Address(host='127.0.0.1', port=1527, is_secure=False)

    Raises:
        UsageError: It is no such address.
        AnatomyGuidedError: The host is another machine, and that was not allowed: images would leave this one.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"The server's address is {text!r}, but one such as {_EXAMPLE} was expected.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.username:
        raise UsageError(f"The server's address is {text!r}, but one such as {_EXAMPLE} was expected.")
    if not (allow_remote or _is_own_machine(parts.hostname)):
        raise AnatomyGuidedError(
            f"The server {parts.hostname} is another machine, and the image would be sent there; if that is meant, "
            "pass --allow-remote."
        )
    is_secure = parts.scheme == "https"
    return Address(parts.hostname, port or (443 if is_secure else 80), is_secure)


@dataclass(frozen=True)
class Client:
    """Speaks with one server; each call is a connection of its own, and nothing is followed to another address."""

    address: Address
    timeout_s: float = 60.0

    def upload_image(self, image: npt.NDArray[np.float32]) -> None:
        """Nothing; the server has the image.

        Raises:
            AnatomyGuidedError: It is gone, slow, or refuses.
        """
        self._accepted("/upload_image", *_form(_npy(image), "image.npy"))

    def upload_segment(self, mask: npt.NDArray[np.bool_]) -> None:
        """Nothing; the server's object is this mask, a fresh one where it is empty.

        Raises:
            AnatomyGuidedError: It is gone, slow, or refuses.
        """
        packed = gzip.compress(_npy(mask.astype(np.uint8)), compresslevel=1)
        self._accepted("/upload_segment", *_form(packed, "segment.npy.gz"))

    def add_box(self, first: Sequence[int], last: Sequence[int], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """The mask after a box, given by its first and last voxel.

        Raises:
            AnatomyGuidedError: The server is gone or slow, refuses, or answers something else.
        """
        asked = {"outer_point_one": list(first), "outer_point_two": list(last), "positive_click": True}
        return self._mask("/add_bbox_interaction", asked, shape)

    def add_point(self, voxel: Sequence[int], shape: tuple[int, ...], *, is_foreground: bool) -> npt.NDArray[np.bool_]:
        """The mask after a click.

        Raises:
            AnatomyGuidedError: The server is gone or slow, refuses, or answers something else.
        """
        return self._mask(
            "/add_point_interaction", {"voxel_coord": list(voxel), "positive_click": is_foreground}, shape
        )

    def _accepted(self, path: str, body: bytes, kind: str) -> None:
        _require_no_refusal(self._answer(path, body, kind), path)

    def _mask(self, path: str, asked: dict[str, object], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        answer = self._answer(path, json.dumps(asked).encode(), "application/json")
        return unpacked_mask(answer, shape)

    def _answer(self, path: str, body: bytes, kind: str) -> bytes:
        """The body of the server's answer, as it came."""
        made = http.client.HTTPSConnection if self.address.is_secure else http.client.HTTPConnection
        connection = made(self.address.host, self.address.port, timeout=self.timeout_s)
        where = f"The nnInteractive server at {self.address.host}:{self.address.port}"
        try:
            connection.request("POST", path, body, {"Content-Type": kind})
            response = connection.getresponse()
            answer = response.read()
        except TimeoutError as error:
            raise AnatomyGuidedError(
                f"{where} did not answer within {self.timeout_s:g} s; nothing was changed. Try again, or restart it."
            ) from error
        except http.client.HTTPException as error:
            raise AnatomyGuidedError(f"{where} broke off its answer; nothing was changed. Try again.") from error
        except OSError as error:
            raise AnatomyGuidedError(
                f"{where} cannot be reached ({error.strerror or error}); nothing was changed. Start it, or check the "
                "address."
            ) from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise AnatomyGuidedError(f"{where} refused {path} with status {response.status}; nothing was changed.")
        return answer


def unpacked_mask(answer: bytes, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """The mask in an answer: gzipped bits, or bits that were unzipped on the way.

    >>> unpacked_mask(gzip.compress(bytes([0b10100000])), (1, 1, 3)).tolist()
    [[[True, False, True]]]

    Raises:
        AnatomyGuidedError: It is a refusal, incomplete, or a mask of another shape.
    """
    _require_no_refusal(answer, "a prompt")
    voxels = int(np.prod(shape))
    needed = -(-voxels // 8)
    bits = _unzipped(answer, needed) if answer[:2] == _GZIP else answer
    if len(bits) != needed:
        raise AnatomyGuidedError(
            f"The nnInteractive server's mask has {len(bits)} bytes, but the image needs {needed}; nothing was "
            "changed. Another program may be using the server at the same time."
        )
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=voxels).reshape(shape).astype(np.bool_)


def _unzipped(packed: bytes, most: int) -> bytes:
    """What is in it, but no more than one byte above `most`: a few bytes could hold gigabytes."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(packed, most + 1)
    except zlib.error as error:
        raise AnatomyGuidedError("The nnInteractive server's mask is damaged; nothing was changed.") from error


def _require_no_refusal(answer: bytes, what: str) -> None:
    try:
        told = json.loads(answer) if answer[:1] == b"{" else {}
    except ValueError:
        return
    if isinstance(told, dict) and told.get("status") == "error":
        raise AnatomyGuidedError(f"The nnInteractive server refused {what}: {told.get('message', 'no reason given')}.")


def _npy(array: npt.NDArray[np.generic]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _form(content: bytes, name: str) -> tuple[bytes, str]:
    """A form with one file, and its content type."""
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    head += "Content-Type: application/octet-stream\r\n\r\n"
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _is_own_machine(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
