"""The bridge between MRML nodes and the values of this library. It translates and decides nothing.

Arrays are [k, j, i] in Slicer and [i, j, k] here, so every array is handed over as its transposed view. Scene and nodes
are arguments; the code runs the same in Slicer and on `slicer-core` from PyPI, where there is no `slicer.app`.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import slicer
import vtk
from vtk.util.numpy_support import get_vtk_array_type, vtk_to_numpy

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import cannot_write, full_suffix
from AnatomyGuidedLib.grid import FloatArray, Grid, InvalidGrid, Labelmap, Volume
from AnatomyGuidedLib.resample import resample_labelmap
from AnatomyGuidedLib.segments import Segment

BINARY_LABELMAP = "Binary labelmap"
_UNITS = {  # unit here: code, coding scheme and meaning, as Slicer's DICOM readers write them
    "HU": ("[hnsf'U]", "UCUM", "Hounsfield unit"),
    "SUV": ("{SUVbw}g/ml", "UCUM", "Standardized Uptake Value body weight"),
}
_LINE_BREAKS = re.compile(r"[\t\r\n]+")  # a table's file has a row a line, and drops columns it cannot count
_SAME_VOXEL = 1e-3  # voxels; matrices that went through a node differ by rounding


@dataclass(frozen=True)
class SegmentationLayer:
    """Segments of a segmentation that exclude each other: one array [i, j, k] on one grid, and whose value is whose."""

    values: npt.NDArray[Any]
    grid: Grid
    segment_ids: Mapping[int, str]


def new_scene() -> Any:
    """An empty scene for scripts that run without Slicer's own; segmentations in it can make surfaces and be saved."""
    scene = slicer.vtkMRMLScene()
    slicer.vtkSlicerSegmentationsModuleLogic().SetMRMLScene(scene)  # registers the conversions of segments
    return scene


def volume_from_node(node: Any, *, unit: str = "") -> Volume:
    """The scalar volume node's voxels, without a copy where they are float32, and its grid.

    Without `unit` it is the one that the node names ("HU", "SUV"), else "".

    Raises:
        AnatomyGuidedError: The node is no scalar volume, holds no image, is under a transform, or its axes are sheared.
    """
    _require_class(node, "vtkMRMLScalarVolumeNode", "a scalar volume")
    require_untransformed(node)
    image = node.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0:
        raise AnatomyGuidedError(f"{_named(node)} holds no image; load it again.")
    if image.GetNumberOfScalarComponents() != 1:
        raise AnatomyGuidedError(
            f"{_named(node)} has {image.GetNumberOfScalarComponents()} values a voxel, but one was expected."
        )
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    values = _array_from_image(image)
    return Volume(np.asarray(values, dtype=np.float32), _grid(values.shape, matrix, node), unit or _unit_of(node))


def dicom_files(node: Any, database: Any) -> list[Path]:
    """The files of the DICOM slices that a volume node was loaded from; none where it was not, or one is not there.

    `database` is Slicer's DICOM database, None in a Slicer without one.
    """
    uids = (node.GetAttribute("DICOM.instanceUIDs") or "").split() if database is not None else []
    found = [str(database.fileForInstance(uid)) for uid in uids]
    return [Path(file) for file in found] if all(found) else []


def segment_names(node: Any) -> dict[str, str]:
    """The names of a segmentation node's segments by segment id, in the order of the segment list."""
    segmentation = _segmentation(node)
    ids = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    return {segment_id: segmentation.GetSegment(segment_id).GetName() for segment_id in ids}


def segment_terminologies(node: Any) -> dict[str, str]:
    """The terminology entries of a segmentation node's segments by segment id: what Slicer says that each is."""
    segmentation = _segmentation(node)
    return {segment_id: segmentation.GetSegment(segment_id).GetTerminology() for segment_id in segment_names(node)}


def segment_values(node: Any) -> dict[str, int]:
    """The label values of a segmentation node's segments by segment id.

    Raises:
        AnatomyGuidedError: Two segments have one value (overlapping segments lie in layers of their own, whose values
            start at 1 again), so the values cannot number them.
    """
    segmentation = _segmentation(node)
    values = {
        segment_id: int(segmentation.GetSegment(segment_id).GetLabelValue()) for segment_id in segment_names(node)
    }
    if len(set(values.values())) < len(values):
        raise AnatomyGuidedError(
            f"{_named(node)} has segments that share a label value, so its values do not tell them apart; "
            "number the segments by name, or make them exclusive in the Segment Editor."
        )
    return values


def labelmap_from_segmentation_node(node: Any, grid: Grid, *, values: Mapping[str, int] | None = None) -> Labelmap:
    """The segmentation node's segments as one label map on `grid`; each layer is read once, however many share it.

    A segment gets `values[segment id]` (one that is not there is left out), by default its own label value. Where
    layers overlap the later one wins; a layer on other voxels gives each voxel the label of its nearest one.

    Raises:
        AnatomyGuidedError: No binary label map, a transform, or, without `values`, values as in `segment_values`.
    """
    require_untransformed(node)
    numbers = dict(values) if values is not None else segment_values(node)
    if numbers and min(numbers.values()) < 0:
        raise AnatomyGuidedError(f"The numbers of {_named(node)}'s segments must be 0 or above.")
    merged = np.zeros(grid.shape, dtype=np.min_scalar_type(max(numbers.values(), default=0)), order="F")
    for layer in segmentation_layers(node):
        _paste(_renumbered(layer, numbers, merged.dtype), merged, grid)
    return Labelmap(merged, grid)


def segmentation_layers(node: Any) -> list[SegmentationLayer]:
    """The segmentation node's layers that are not empty, without a copy.

    Raises:
        AnatomyGuidedError: The segments have no binary label map (but surfaces or contours alone).
    """
    segmentation = _segmentation(node)
    if segmentation.GetNumberOfSegments() and not segmentation.ContainsRepresentation(BINARY_LABELMAP):
        raise AnatomyGuidedError(
            f"{_named(node)} has no binary label map; create one in the Segmentations module (Representations)."
        )
    layers = range(segmentation.GetNumberOfLayers(BINARY_LABELMAP))
    images = {layer: segmentation.GetLayerDataObject(layer, BINARY_LABELMAP) for layer in layers}
    return [_layer(segmentation, layer, image, node) for layer, image in images.items() if not image.IsEmpty()]


def add_volume(scene: Any, volume: Volume, name: str) -> Any:
    """A new scalar volume node with a display node, holding a copy of the volume."""
    node = slicer.vtkMRMLScalarVolumeNode()
    node.SetName(name)
    node.SetIJKToRASMatrix(_matrix(volume.grid.affine))
    node.SetAndObserveImageData(_filled(vtk.vtkImageData(), volume.values))
    if volume.unit in _UNITS:
        node.SetVoxelValueUnits(_coded(_UNITS[volume.unit]))
    scene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    return node


def add_segmentation(scene: Any, labelmap: Labelmap, segments: Sequence[Segment], name: str) -> Any:
    """A new segmentation node whose segments share one copy of the label map; for small ones.

    A finished `.seg.nrrd` of many segments is read faster (`add_segmentation_file`).
    """
    image = oriented_image(labelmap.values, labelmap.grid)
    segmentation = slicer.vtkSegmentation()
    segmentation.SetSourceRepresentationName(BINARY_LABELMAP)
    for segment in segments:
        segmentation.AddSegment(_new_segment(segment, image), f"Segment_{segment.value}")
    return _added_segmentation(scene, segmentation, name)


def add_segmentation_file(scene: Any, path: str | Path, name: str) -> Any:
    """A new segmentation node with the content of a `.seg.nrrd`.

    The node is not tied to the file: a worker's result lies in a temporary folder, and Slicer does not save again what
    it believes to be on disk.

    Raises:
        AnatomyGuidedError: The file cannot be read; the scene is as it was.
    """
    scratch, storage = new_scene(), slicer.vtkMRMLSegmentationStorageNode()
    read = scratch.AddNode(slicer.vtkMRMLSegmentationNode())
    storage.SetFileName(str(path))
    if not Path(path).is_file() or not storage.ReadData(read):
        raise AnatomyGuidedError(
            f"{Path(path).name} cannot be read as a segmentation; check that it is a .seg.nrrd file."
        )
    return _added_segmentation(scene, read.GetSegmentation(), name)


def add_table(scene: Any, name: str, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> Any:
    """A new table node with one column a name; a column of numbers sorts as numbers, a missing cell is empty or NaN."""
    table = vtk.vtkTable()
    for column in columns:
        table.AddColumn(_column(column, [row.get(column) for row in rows]))
    node = slicer.vtkMRMLTableNode()
    node.SetName(name)
    node.SetAndObserveTable(table)
    node.SetUndoEnabled(True)
    scene.AddNode(node)
    return node


def table_rows(node: Any) -> list[dict[str, str]]:
    """A table node's cells as text, a row each by column name."""
    table = node.GetTable()
    names = [table.GetColumnName(column) for column in range(table.GetNumberOfColumns())]
    return [
        {name: table.GetValue(row, column).ToString() for column, name in enumerate(names)}
        for row in range(table.GetNumberOfRows())
    ]


def save_scene(scene: Any, path: str | Path) -> None:
    """Nothing; the whole scene is in the bundle (`.mrb`) at `path`, or, on an error, nothing has changed there.

    Raises:
        AnatomyGuidedError: The path does not end in .mrb, or the bundle cannot be written.
    """
    path = Path(path).absolute()
    if full_suffix(path) != ".mrb":
        raise AnatomyGuidedError(f"{path.name} must end in .mrb, the format of a scene with its data.")
    try:
        with chdir(Path.cwd()), tempfile.TemporaryDirectory(prefix=".scene-", dir=path.parent) as folder:
            whole = Path(folder).resolve() / "Scene.mrb"
            with _file_managers(scene):
                written = scene.WriteToMRB(str(whole))
            if not written:
                raise AnatomyGuidedError(f"{path.name} could not be written; free some space there.")
            whole.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error


def load_scene(scene: Any, path: str | Path) -> None:
    """Nothing; the scene holds the nodes of the bundle at `path` beside its own.

    Raises:
        AnatomyGuidedError: The bundle cannot be read.
    """
    with chdir(Path.cwd()), _file_managers(scene):  # a bundle that fails to open leaves VTK in its own, deleted folder
        read = Path(path).is_file() and scene.ReadFromMRB(str(Path(path).resolve()))
    if not read:
        raise AnatomyGuidedError(f"{Path(path).name} cannot be read as a scene; check that it is an .mrb file.")


def jump_slices(scene: Any, point_ras: Sequence[float]) -> None:
    """Nothing; all slice views show the slice through the point (RAS, mm), without moving in the plane."""
    slicer.vtkMRMLSliceNode.JumpAllSlices(scene, *point_ras, slicer.vtkMRMLSliceNode.OffsetJumpSlice)


def oriented_image(values: npt.NDArray[Any], grid: Grid) -> Any:
    """A copy of the [i, j, k] values as the image that segments hold."""
    image = _filled(slicer.vtkOrientedImageData(), values)
    image.SetImageToWorldMatrix(_matrix(grid.affine))
    return image


def require_untransformed(node: Any) -> None:
    """Nothing if the node lies where its own geometry says.

    Raises:
        AnatomyGuidedError: A transform above it moves it.
    """
    parent = node.GetParentTransformNode()
    if parent is None:
        return
    matrix = vtk.vtkMatrix4x4()
    if not parent.IsTransformToWorldLinear() or not parent.GetMatrixTransformToWorld(matrix) or not matrix.IsIdentity():
        raise AnatomyGuidedError(
            f"{_named(node)} is under the transform {parent.GetName()!r}; harden it in the Transforms module, "
            "or take the node out of it."
        )


@contextmanager
def _file_managers(scene: Any) -> Iterator[None]:
    """Scene files pass through managers and a cache folder; Slicer's scene has them, any other gets them meanwhile."""
    if scene.GetCacheManager() is not None and scene.GetCacheManager().GetRemoteCacheDirectory():
        yield
        return
    cache, files = slicer.vtkCacheManager(), slicer.vtkDataIOManager()
    files.SetCacheManager(cache)
    with tempfile.TemporaryDirectory(prefix="anatomyguided-") as folder:
        cache.SetRemoteCacheDirectory(folder)
        scene.SetCacheManager(cache)
        scene.SetDataIOManager(files)
        try:
            yield
        finally:
            scene.SetDataIOManager(None)
            scene.SetCacheManager(None)


def _named(node: Any) -> str:
    return f"The node {node.GetName()!r}"


def _require_class(node: Any, class_name: str, words: str) -> None:
    if node is None or not node.IsA(class_name):
        came = "nothing" if node is None else f"{node.GetName()!r}, a {node.GetClassName()}"
        raise AnatomyGuidedError(f"Expected {words} node, but got {came}; choose another node.")


def _segmentation(node: Any) -> Any:
    _require_class(node, "vtkMRMLSegmentationNode", "a segmentation")
    return node.GetSegmentation()


def _array_from_image(image: Any) -> npt.NDArray[Any]:
    """The image's scalars as an [i, j, k] view; it keeps the memory alive."""
    kji = tuple(reversed(image.GetDimensions()))
    return np.asarray(vtk_to_numpy(image.GetPointData().GetScalars())).reshape(kji).T


def _filled(image: Any, values: npt.NDArray[Any]) -> Any:
    """The empty image, with a copy of the [i, j, k] values as its scalars."""
    if values.dtype.itemsize == 8:
        values = values.astype(np.min_scalar_type(int(values.max(initial=0))))
    image.SetDimensions(*values.shape)
    image.AllocateScalars(get_vtk_array_type(values.dtype), 1)
    _array_from_image(image)[...] = values
    return image


def _grid(shape: tuple[int, ...], matrix: Any, node: Any) -> Grid:
    try:
        return Grid((shape[0], shape[1], shape[2]), _affine(matrix))
    except InvalidGrid as error:
        raise InvalidGrid(f"{_named(node)}: {error}") from error


def _affine(matrix: Any) -> FloatArray:
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def _matrix(affine: FloatArray) -> Any:
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(affine.ravel().tolist())
    return matrix


def _coded(entry: tuple[str, str, str]) -> Any:
    coded = slicer.vtkCodedEntry()
    coded.SetValueSchemeMeaning(*entry)
    return coded


def _unit_of(node: Any) -> str:
    coded = node.GetVoxelValueUnits()
    code = coded.GetCodeValue() if coded else None
    return next((unit for unit, (value, _, _) in _UNITS.items() if value == code), "")


def _added_segmentation(scene: Any, segmentation: Any, name: str) -> Any:
    node = slicer.vtkMRMLSegmentationNode()
    node.SetName(name)
    scene.AddNode(node)
    node.SetAndObserveSegmentation(segmentation)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetUndoEnabled(True)
    node.SetUndoEnabled(True)  # Slicer undoes nodes that ask for it, and no others
    return node


def _new_segment(segment: Segment, image: Any) -> Any:
    created = slicer.vtkSegment()
    created.SetName(segment.name)
    created.SetColor(*(channel / 255 for channel in segment.color))
    created.SetLabelValue(segment.value)
    if segment.terminology:
        created.SetTerminology(segment.terminology)
    created.AddRepresentation(BINARY_LABELMAP, image)
    return created


def _layer(segmentation: Any, number: int, image: Any, node: Any) -> SegmentationLayer:
    ids = segmentation.GetSegmentIDsForLayer(number, BINARY_LABELMAP)
    values = _array_from_image(image)
    by_value = {int(segmentation.GetSegment(segment_id).GetLabelValue()): segment_id for segment_id in ids}
    return SegmentationLayer(values, _layer_grid(image, values.shape, node), by_value)


def _renumbered(layer: SegmentationLayer, numbers: Mapping[str, int], dtype: npt.DTypeLike) -> Labelmap:
    table = np.zeros(max(layer.segment_ids, default=0) + 2, dtype=dtype)  # the last place is for values of no segment
    for value, segment_id in layer.segment_ids.items():
        table[value] = numbers.get(segment_id, 0)
    last = min(table.size - 1, np.iinfo(layer.values.dtype).max)
    return Labelmap(table[np.clip(layer.values, 0, last)], layer.grid)


def _layer_grid(image: Any, shape: tuple[int, ...], node: Any) -> Grid:
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    first_ijk = image.GetExtent()[::2]
    first_ras = matrix.MultiplyPoint((*first_ijk, 1.0))[:3]
    for row in range(3):
        matrix.SetElement(row, 3, first_ras[row])
    return _grid(shape, matrix, node)


def _paste(layer: Labelmap, merged: npt.NDArray[Any], grid: Grid) -> None:
    """Nothing; `merged`, on `grid`, has the layer's labels wherever the layer has one."""
    offset = _whole_offset(layer.grid, grid)
    if offset is None:
        layer, offset = resample_labelmap(layer, grid), (0, 0, 0)
    starts = [max(0, start) for start in offset]
    stops = [min(n, start + m) for n, start, m in zip(grid.shape, offset, layer.grid.shape, strict=True)]
    target = merged[tuple(slice(start, max(start, stop)) for start, stop in zip(starts, stops, strict=True))]
    source = layer.values[tuple(slice(a - o, a - o + n) for a, o, n in zip(starts, offset, target.shape, strict=True))]
    np.copyto(target, source, where=source > 0)


def _whole_offset(inner: Grid, outer: Grid) -> tuple[int, int, int] | None:
    """Where `inner`'s first voxel lies in `outer`, if the two share their voxel centres, else none."""
    corners = np.array([(0, 0, 0), *(np.diag(inner.shape))])
    found = outer.ijk_from_ras(inner.ras_from_ijk(corners))
    offset = np.rint(found[0])
    if np.abs(found - offset - corners).max() > _SAME_VOXEL:
        return None
    i, j, k = (int(start) for start in offset)
    return i, j, k


def _column(name: str, cells: Sequence[object]) -> Any:
    array = _array_for(cells)
    array.SetName(name)
    for cell in cells:
        array.InsertNextValue(_cell(cell, array))
    return array


def _array_for(cells: Sequence[object]) -> Any:
    present = [cell for cell in cells if cell is not None]
    if present and all(_is_number(cell, int, np.integer) for cell in cells):
        return vtk.vtkLongLongArray()
    if present and all(_is_number(cell, int, float, np.integer, np.floating) for cell in present):
        return vtk.vtkDoubleArray()
    return vtk.vtkStringArray()


def _is_number(cell: object, *kinds: type) -> bool:
    return isinstance(cell, kinds) and not isinstance(cell, bool)


def _cell(cell: Any, array: Any) -> Any:
    if isinstance(array, vtk.vtkStringArray):
        return "" if cell is None else _LINE_BREAKS.sub(" ", str(cell))
    if isinstance(array, vtk.vtkDoubleArray):
        return float("nan") if cell is None else float(cell)
    return int(cell)
