"""A small server that speaks nnInteractive's protocol and really segments: seeded growth in the slice of the box.

It keeps one image and one object, as the real one does. `faults` make it misbehave, for tests of what a client says.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from LIMISLib.box import Box
from LIMISLib.prompt_segmenter import SeededGrowth
from scipy import ndimage


@dataclass
class Desk:
    """What the server has on its desk, which calls it had, and how it is to misbehave."""

    image: np.ndarray | None = None
    object_: np.ndarray | None = None
    calls: list[str] = field(default_factory=list)
    fault: str = ""

    def box(self, one: list[int], other: list[int]) -> np.ndarray:
        first, last = np.minimum(one, other), np.maximum(one, other)
        index = int(first[0])
        around = Box(int(first[2]), int(first[1]), int(last[2]) + 1, int(last[1]) + 1)
        mask = SeededGrowth().segment(self.image[index], around, pixel_mm=(1.0, 1.0))
        for place in range(len(self.image)):  # the same pixels in the other slices, where they are of like HU
            middle = float(np.median(self.image[index][mask])) if mask.any() else 0.0
            self.object_[place] |= mask & (np.abs(self.image[place] - middle) < 60)
        return self.object_

    def point(self, voxel: list[int], positive: bool) -> np.ndarray:
        near = np.abs(self.image - self.image[tuple(voxel)]) < 20
        components, _ = ndimage.label(near)
        chosen = components == components[tuple(voxel)]
        self.object_ = self.object_ | chosen if positive else self.object_ & ~chosen
        return self.object_


class _Handler(BaseHTTPRequestHandler):
    desk: Desk

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.desk.calls.append(self.path)
        if self.desk.fault == "slow":
            time.sleep(1.0)
        if self.desk.fault == "status":
            self.send_error(503)
            return
        if self.path != "/upload_image" and (self.desk.image is None or self.desk.fault == "forgets"):
            self._send(json.dumps({"status": "error", "message": "No image uploaded"}).encode(), "application/json")
            return
        getattr(self, "_" + self.path.strip("/"))(body)

    def _upload_image(self, body: bytes) -> None:
        self.desk.image = np.load(io.BytesIO(_file_of(body, self.headers["Content-Type"])), allow_pickle=False)
        self.desk.object_ = np.zeros(self.desk.image.shape, bool)
        self._send(b'{"status":"ok"}', "application/json")

    def _upload_segment(self, body: bytes) -> None:
        packed = gzip.decompress(_file_of(body, self.headers["Content-Type"]))
        self.desk.object_ = np.load(io.BytesIO(packed), allow_pickle=False).astype(bool)
        self._send(b'{"status":"ok"}', "application/json")

    def _add_bbox_interaction(self, body: bytes) -> None:
        asked = json.loads(body)
        self._send_mask(self.desk.box(asked["outer_point_one"], asked["outer_point_two"]))

    def _add_point_interaction(self, body: bytes) -> None:
        asked = json.loads(body)
        self._send_mask(self.desk.point(asked["voxel_coord"], asked["positive_click"]))

    def _send_mask(self, mask: np.ndarray) -> None:
        bits = np.packbits(mask, axis=None).tobytes()
        if self.desk.fault == "other shape":
            bits = bits[: len(bits) // 2]
        packed = gzip.compress(bits)
        if self.desk.fault == "damaged":
            packed = packed[:12] + bytes(len(packed) - 12)
        self._send(packed, "application/octet-stream", half=self.desk.fault == "half")

    def _send(self, content: bytes, kind: str, *, half: bool = False) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if half else content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Quiet, when a client gave up waiting."""


def _file_of(body: bytes, kind: str) -> bytes:
    """The file in a form with one."""
    boundary = re.search("boundary=(.+)", kind).group(1).encode()
    head, _, rest = body.partition(b"\r\n\r\n")
    assert head.startswith(b"--" + boundary)
    assert b'name="file"' in head
    return rest[: rest.rindex(b"\r\n--" + boundary)]


@contextmanager
def served() -> Iterator[tuple[str, Desk]]:
    """The server's address and its desk; it is gone afterwards."""
    desk = Desk()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"desk": desk}))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", desk
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
