"""Pictures without a screen, drawn by Slicer's own slice logic and displayable managers.

The functions take MRML nodes and change neither them nor their scene; `mrml.new_scene` and `mrml.add_...` make nodes of
this library's values. Pictures are arrays [row, column, RGB] of uint8. Right and left are as radiologists read them:
an axial slice is seen from the feet, a coronal one from the front, a sagittal one with anterior on the left.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection
from typing import Any

import numpy as np

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Volume
from AnatomyGuidedLib.render_mip import projection
from AnatomyGuidedLib.render_views import ImageLayer, Picture, Plane, Side, SliceView, SurfaceView
from AnatomyGuidedLib.render_window import RenderingUnavailable, require_rendering

__all__ = [
    "ImageLayer",
    "Picture",
    "Plane",
    "RenderingUnavailable",
    "Side",
    "SliceView",
    "SurfaceView",
    "encode_png",
    "projection_picture",
    "require_rendering",
    "slice_picture",
    "surface_picture",
]


def slice_picture(
    background: ImageLayer,
    view: SliceView | None = None,
    *,
    foreground: ImageLayer | None = None,
    segmentation: Any | None = None,
) -> Picture:
    """A slice of the background, the foreground blended over it, the segmentation node's segments filled and outlined.

    Visibility, colours and opacities of the segments are those of the segmentation's display node. Without a view it
    is the axial slice through the background's middle.

    Raises:
        RenderingUnavailable: See `require_rendering`.
        AnatomyGuidedError: A node is under a transform.
        UsageError: Slicer has no colours with a layer's name.
    """
    require_rendering()
    from AnatomyGuidedLib import render_slice

    return render_slice.draw(background, view or SliceView(), foreground, segmentation)


def surface_picture(
    segmentation: Any, segment_ids: Collection[str] | None = None, view: SurfaceView | None = None
) -> Picture:
    """The surfaces of a segmentation node's segments, by default of all, seen from the front by default.

    Colours, opacities and smoothing are those of the node; the surfaces are made of a thinned copy.

    Raises:
        RenderingUnavailable: See `require_rendering`.
        AnatomyGuidedError: The node is under a transform, has no binary label map, or nothing to show.
        UsageError: A segment id is not the node's.
    """
    require_rendering()
    from AnatomyGuidedLib import render_3d

    return render_3d.draw(segmentation, segment_ids, view or SurfaceView())


def projection_picture(
    volume: Volume, *, plane: Plane = "coronal", white_at: float = 10.0, inverted: bool = True, pixel_mm: float = 2.0
) -> Picture:
    """The volume's maximum along the plane's normal; values of `white_at` and above are black where `inverted`.

    It needs no Slicer. A volume whose axes are not anatomical ones is resampled first.

    >>> from AnatomyGuidedLib.grid import Grid
    >>> volume = Volume(np.eye(3, dtype=np.float32)[:, None] * 10, Grid((3, 1, 3), np.eye(4)), "SUV")
    >>> projection_picture(volume, pixel_mm=1.0)[:, :, 0].tolist()
    [[0, 255, 255], [255, 0, 255], [255, 255, 0]]

    Raises:
        UsageError: The plane is none of the three.
    """
    return projection(volume, plane=plane, white_at=white_at, inverted=inverted, pixel_mm=pixel_mm)


def encode_png(picture: Picture) -> bytes:
    """The picture as a PNG file.

    >>> encode_png(np.zeros((2, 3, 3), dtype=np.uint8))[:8]
    b'\\x89PNG\\r\\n\\x1a\\n'

    Raises:
        AnatomyGuidedError: The array is no picture.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or picture.size == 0:
        raise AnatomyGuidedError(
            f"A picture is [row, column, 3] of uint8, but came as {picture.shape} of {picture.dtype}."
        )
    height, width, _ = picture.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # eight bits a channel, RGB, no interlacing
    unfiltered = np.zeros((height, 1 + 3 * width), dtype=np.uint8)
    unfiltered[:, 1:] = picture.reshape(height, -1)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(unfiltered.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
