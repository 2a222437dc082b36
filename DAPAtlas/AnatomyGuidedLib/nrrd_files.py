"""NRRD files: images, label maps, and the segmentations (.seg.nrrd) that Slicer opens with names and colours."""

from __future__ import annotations

import re
import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import FloatArray, Grid, Labelmap
from AnatomyGuidedLib.refusals import refusing
from AnatomyGuidedLib.segments import Segment

_RAS_FROM_SPACE = {
    "left-posterior-superior": (-1.0, -1.0, 1.0),
    "lps": (-1.0, -1.0, 1.0),
    "right-anterior-superior": (1.0, 1.0, 1.0),
    "ras": (1.0, 1.0, 1.0),
    "left-anterior-superior": (-1.0, 1.0, 1.0),
    "las": (-1.0, 1.0, 1.0),
}
_UNREADABLE = (
    nrrd.NRRDError,
    OSError,
    EOFError,
    zlib.error,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    StopIteration,
)
_SPATIAL_KINDS = ("domain", "space", "???", "none")
_HIGHEST_SEGMENT = 65535
_COMPRESSION_LEVEL = 3
_NO_EXTENT = ((0, 0, 0), (-1, -1, -1))
_SEGMENTATION = {
    "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
    "Segmentation_MasterRepresentation": "Binary labelmap",
    "Segmentation_ReferenceImageExtentOffset": "0 0 0",
}


def read(path: Path) -> tuple[npt.NDArray[Any], Grid]:
    """The stored array and its grid.

    Raises:
        AnatomyGuidedError: Truncated, no NRRD, not three-dimensional, overlapping segments, no orientation.
    """
    with refusing(path.name, _UNREADABLE, _damaged(path.name)):
        values, header = nrrd.read(str(path), index_order="F")
        return values, _grid(values.shape, header, path.name)


def read_grid(path: Path) -> Grid:
    """The grid alone, from the header.

    Raises:
        AnatomyGuidedError: As `read`, as far as the header shows it.
    """
    with refusing(path.name, _UNREADABLE, _damaged(path.name)):
        header = nrrd.read_header(str(path))
        return _grid(tuple(int(size) for size in header["sizes"]), header, path.name)


def write(values: npt.NDArray[Any], grid: Grid, path: Path, fields: Mapping[str, object] | None = None) -> None:
    """Nothing; the file holds the values, the grid to the last digit, and further fields."""
    header: dict[str, object] = OrderedDict(
        space="left-posterior-superior",
        kinds=["domain", "domain", "domain"],
        endian="little",
        encoding="gzip",
    )
    lps_from_ijk = _lps_from_ijk(grid)
    header["space directions"] = lps_from_ijk[:3, :3].T
    header["space origin"] = lps_from_ijk[:3, 3]
    header.update(fields or {})
    nrrd.write(str(path), values, header, index_order="F", compression_level=_COMPRESSION_LEVEL)


def write_layers(layers: Sequence[Labelmap], path: Path, segments: Sequence[Segment]) -> None:
    """Nothing; the file is a segmentation whose segments may overlap: each value occurs in one of the layers.

    Raises:
        AnatomyGuidedError: As `segment_fields`.
    """
    grid, fields = layers[0].grid, dict(_SEGMENTATION)
    for place, layer in enumerate(layers):
        held = set(np.unique(layer.values).tolist())
        fields |= _fields_of(layer, {n: one for n, one in enumerate(segments) if one.value in held}, place)
    header: dict[str, object] = {
        "kinds": ["list", "domain", "domain", "domain"],
        "space directions": np.vstack([np.full(3, np.nan), _lps_from_ijk(grid)[:3, :3].T]),
    }
    write(np.stack([layer.values for layer in layers]), grid, path, {**header, **fields})


def segment_fields(labelmap: Labelmap, segments: Sequence[Segment]) -> dict[str, str]:
    """The fields that make a label map a segmentation in Slicer: name, colour, extent and terminology a segment.

    Raises:
        AnatomyGuidedError: A value of the map is no segment's, or a name cannot stand in the file's header.
    """
    return _SEGMENTATION | _fields_of(labelmap, dict(enumerate(segments)), 0)


def _fields_of(labelmap: Labelmap, by_index: Mapping[int, Segment], layer: int) -> dict[str, str]:
    segments = by_index.values()
    highest = int(labelmap.values.max())
    if highest > _HIGHEST_SEGMENT:
        raise AnatomyGuidedError(
            f"The label map holds the value {highest}, but a .seg.nrrd goes to {_HIGHEST_SEGMENT}."
        )
    extents = _extents(labelmap.values)
    unwritable = [segment.name for segment in segments if not (segment.name.isascii() and segment.name.isprintable())]
    if unwritable:
        raise AnatomyGuidedError(
            f"The segment name {unwritable[0]!r} must be one line of ASCII characters in a .seg.nrrd."
        )
    unnamed = sorted(set(extents) - {segment.value for segment in segments})
    if unnamed:
        raise AnatomyGuidedError(f"The label map holds the values {unnamed[:10]}, which no segment has.")
    fields: dict[str, str] = {}
    for index, segment in by_index.items():
        fields |= _one_segment(index, segment, extents.get(segment.value, _NO_EXTENT), layer)
    return fields


def renumbered_by_name(path: Path, labelmap: Labelmap, numbers: Mapping[str, int]) -> Labelmap:
    """The label map with each segment's value replaced by its name's number, or unchanged if no name has one.

    Slicer may give new label values when it saves a segmentation; names stay.

    Raises:
        AnatomyGuidedError: Some names have numbers, but a segment that covers voxels has none.
    """
    header = nrrd.read_header(str(path))
    names = {_label_value(header, key): header[key] for key in header if re.fullmatch(r"Segment\d+_Name", key)}
    known = {value: numbers[_plain(name)] for value, name in names.items() if _plain(name) in numbers}
    if not known:
        return labelmap
    present = [int(value) for value in np.unique(labelmap.values) if value > 0]
    strange = [names.get(str(value), f"value {value}") for value in present if str(value) not in known]
    if strange:
        raise AnatomyGuidedError(
            f"{path.name} has segments that are no structures of the DAP Atlas ({', '.join(strange[:5])}) beside such "
            "that are; rename or remove them in Slicer's Segment Editor."
        )
    table = np.zeros(max(present, default=0) + 1, dtype=np.uint32)
    table[present] = [known[str(value)] for value in present]
    return Labelmap(table[labelmap.values].astype(np.min_scalar_type(int(table.max()))), labelmap.grid)


def _plain(name: str) -> str:
    """A structure's table name: "Costa 1 Left (rib 12)" is "Costa 1 Left".

    >>> _plain("Costa 1 Left (rib 12)")
    'Costa 1 Left'
    """
    return re.sub(r" \(.*\)$", "", name)


def _label_value(header: Mapping[str, Any], name_key: str) -> str:
    return str(header.get(name_key.replace("_Name", "_LabelValue"), "1")).strip()


def _one_segment(
    index: int, segment: Segment, extent: tuple[tuple[int, ...], tuple[int, ...]], layer: int
) -> dict[str, str]:
    fields = {
        "ID": f"Segment_{segment.value}",
        "Name": segment.name,
        "NameAutoGenerated": "0",
        "Color": " ".join(f"{channel / 255:.6g}" for channel in segment.color),
        "ColorAutoGenerated": "0",
        "LabelValue": str(segment.value),
        "Layer": str(layer),
        "Extent": " ".join(f"{first} {last}" for first, last in zip(*extent, strict=True)),
        "Tags": _tags(segment),
    }
    return {f"Segment{index}_{name}": value for name, value in fields.items()}


def _tags(segment: Segment) -> str:
    return f"TerminologyEntry:{segment.terminology}|" if segment.terminology else ""


def _extents(values: npt.NDArray[Any]) -> dict[int, tuple[tuple[int, ...], tuple[int, ...]]]:
    """First and last index along each axis, of each value above 0."""
    boxes = ndimage.find_objects(values.astype(np.int32, copy=False)) if values.any() else []
    return {
        number: (tuple(side.start for side in box), tuple(side.stop - 1 for side in box))
        for number, box in enumerate(boxes, start=1)
        if box is not None
    }


def _lps_from_ijk(grid: Grid) -> FloatArray:
    return np.asarray(np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.affine + 0.0)


def _damaged(name: str) -> AnatomyGuidedError:
    return AnatomyGuidedError(
        f"{name} cannot be read as NRRD: it is damaged, truncated, without its data file or of another format; copy or "
        "export it again."
    )


def _grid(shape: tuple[int, ...], header: Mapping[str, Any], name: str) -> Grid:
    _require_three_axes(shape, header, name)
    return Grid((shape[0], shape[1], shape[2]), _affine(header, name))


def _require_three_axes(shape: tuple[int, ...], header: Mapping[str, Any], name: str) -> None:
    kinds = [kind for kind in header.get("kinds", []) if kind.lower() not in _SPATIAL_KINDS]
    if len(shape) == 3 and not kinds:
        return
    if len(shape) == 4 and any(key.startswith("Segment0_") for key in header):
        raise AnatomyGuidedError(
            f"{name} has overlapping segments ({shape[0]} layers), but one label a voxel was expected; "
            "make the segments exclusive in Slicer's Segment Editor and save again."
        )
    axes = f"{len(shape)} axes {shape}" + (f", not all in space ({', '.join(kinds)})" if kinds else "")
    raise AnatomyGuidedError(
        f"{name} has {axes}, but one three-dimensional image was expected; split or stack it first."
    )


def _affine(header: Mapping[str, Any], name: str) -> FloatArray:
    space = str(header.get("space", "")).lower()
    if space not in _RAS_FROM_SPACE or "space directions" not in header or "space origin" not in header:
        raise AnatomyGuidedError(
            f"{name} says nothing about orientation (its space is {space or 'absent'!r}), so left and right are "
            "unknown; export it again with its orientation."
        )
    units = [unit for unit in header.get("space units", []) if unit.strip().lower() not in ("mm", "millimeter", "")]
    if units:
        raise AnatomyGuidedError(f"{name} gives its spacing in {units[0]}, but mm was expected; convert it first.")
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(header["space directions"], dtype=np.float64).T
    affine[:3, 3] = np.asarray(header["space origin"], dtype=np.float64)
    affine[:3] *= np.array(_RAS_FROM_SPACE[space])[:, None]
    return affine + 0.0
