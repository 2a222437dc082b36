"""Pictures of phantoms whose right, front and top are known: what a radiologist would see, and in which colour."""

from __future__ import annotations

import ctypes.util
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib import render, render_window
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import Segment, read_image, read_labelmap

REAL_DATA = Path(__file__).resolve().parents[4] / "shared" / "realdata"
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
CENTER_RAS = np.array([13.0, -25.0, 140.0])  # of every phantom, so that no test passes for being at the origin
SPOT_MM = np.array([24.0, 15.0, 20.0])  # of the bright cube: to the right, in front and above


def _turned(degrees: float, axis: int) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned = np.eye(3)
    a, b = [other for other in range(3) if other != axis]
    turned[[a, a, b, b], [a, b, a, b]] = cos, -sin, sin, cos
    return turned


def _centered(directions: np.ndarray, spacing: tuple[float, float, float], shape: tuple[int, int, int]) -> Grid:
    affine = np.eye(4)
    affine[:3, :3] = directions @ np.diag(spacing)
    affine[:3, 3] = CENTER_RAS - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


GRIDS = {
    "RAS": _centered(np.eye(3), (2, 2, 2), (50, 50, 50)),
    "LPS, anisotropic": _centered(np.diag([-1.0, -1.0, 1.0]), (1.5, 1.5, 5), (66, 66, 20)),
    "axes permuted": _centered(np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]), (2, 4, 2.5), (50, 25, 40)),
    "oblique and flipped": _centered(
        _turned(25, 2) @ _turned(-15, 0) @ np.diag([-1, 1, -1]), (2, 2.5, 3), (50, 40, 34)
    ),
}
OBLIQUE = GRIDS["oblique and flipped"]


@pytest.fixture(params=GRIDS.values(), ids=GRIDS.keys())
def grid(request: pytest.FixtureRequest) -> Grid:
    return request.param


@pytest.fixture(scope="module")
def mrml():
    """The bridge; without Slicer's libraries or off-screen OpenGL the tests are skipped with the reason."""
    try:
        render.require_rendering()
    except render.RenderingUnavailable as error:
        pytest.skip(str(error))
    from AnatomyGuidedLib import mrml

    return mrml


@pytest.fixture
def scene(mrml):
    return mrml.new_scene()


def _cube(grid: Grid, middle_mm: np.ndarray, half_mm: float = 8.0) -> np.ndarray:
    """The voxels of a cube around a position given from the phantom's centre."""
    ijk = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    return (np.abs(grid.ras_from_ijk(ijk) - CENTER_RAS - middle_mm) <= half_mm).all(axis=-1)


def _bright_cube(grid: Grid) -> Volume:
    return Volume(np.where(_cube(grid, SPOT_MM), 1000, 0).astype(np.float32), grid)


def _image(scene, mrml, volume: Volume, window: float = 1000, level: float = 500) -> render.ImageLayer:
    return render.ImageLayer(mrml.add_volume(scene, volume, "image"), window, level)


def _view(plane: render.Plane, offset_mm: np.ndarray = SPOT_MM, **options) -> render.SliceView:
    r, a, s = (float(x) for x in CENTER_RAS + offset_mm)
    return render.SliceView(plane, (r, a, s), size=options.pop("size", (300, 300)), letters=False, **options)


def _from_middle(mask: np.ndarray) -> tuple[float, float]:
    """How many pixels right of and above the picture's middle the mask lies."""
    rows, columns = np.nonzero(mask)
    assert rows.size
    return columns.mean() - (mask.shape[1] - 1) / 2, (mask.shape[0] - 1) / 2 - rows.mean()


def _of_color(picture: np.ndarray, color: tuple[int, int, int], tolerance: int = 3) -> np.ndarray:
    return (np.abs(picture.astype(int) - color) <= tolerance).all(axis=2)


def _hue(picture: np.ndarray, channel: int) -> np.ndarray:
    """Where one colour channel is the brightest by far, as on a lit surface."""
    others = np.delete(picture.astype(int), channel, axis=2).max(axis=2)
    return picture[:, :, channel] > others + 40


# Slices: orientation

# Where the picture's right and top point to in the patient: seen from the feet, from the front, from the left.
PLANES = {"axial": ([-1, 0, 0], [0, 1, 0]), "coronal": ([-1, 0, 0], [0, 0, 1]), "sagittal": ([0, -1, 0], [0, 0, 1])}


@pytest.mark.parametrize("plane", PLANES)
def test_a_bright_cube_lies_in_the_slice_where_a_radiologist_expects_it(scene, mrml, grid, plane):
    image = _image(scene, mrml, _bright_cube(grid))
    middle_mm = np.zeros(3)
    cubes = [render.slice_picture(image, _view(plane))[:, :, 0] > 128]
    whole = _image(scene, mrml, Volume(np.where(_cube(grid, middle_mm), 1000, 0).astype(np.float32), grid))
    cubes.append(render.slice_picture(whole, _view(plane, middle_mm))[:, :, 0] > 128)
    spot, middle = (np.array(_from_middle(cube)) for cube in cubes)
    expected_mm = np.array([np.dot(axis, SPOT_MM) for axis in PLANES[plane]])
    pixel_mm = 16.0 / np.sqrt(cubes[1].sum())  # the cubes are about 16 mm wide
    np.testing.assert_allclose((spot - middle) * pixel_mm, expected_mm, atol=3.5)


@pytest.mark.parametrize("plane", PLANES)
def test_the_whole_image_is_in_the_picture_and_centered(scene, mrml, plane):
    grid = GRIDS["LPS, anisotropic"]
    image = _image(scene, mrml, Volume(np.full(grid.shape, 1000, np.float32), grid))
    bright = render.slice_picture(image, _view(plane, np.zeros(3)))[:, :, 0] > 128
    assert np.abs(_from_middle(bright)).max() < 2
    assert bright.any(axis=0).mean() > 0.9


def test_the_default_view_is_the_axial_slice_through_the_middle(scene, mrml, grid):
    image = _image(scene, mrml, Volume(np.where(_cube(grid, np.zeros(3)), 1000, 0).astype(np.float32), grid))
    picture = render.slice_picture(image)
    assert picture.shape == (512, 512, 3)
    assert np.abs(_from_middle(picture[:, :, 2] > 200)).max() < 6  # blue is not in the letters' colour


@pytest.fixture
def letters(monkeypatch):
    """What a picture writes at its right and at its top."""
    told = []

    def note(_renderer, right_ras, up_ras) -> None:
        told.append(render_window.letter_of(right_ras) + render_window.letter_of(up_ras))

    monkeypatch.setattr("AnatomyGuidedLib.render_slice.add_letters", note)
    monkeypatch.setattr("AnatomyGuidedLib.render_3d.add_letters", note)
    return told


@pytest.mark.parametrize(("plane", "expected"), [("axial", "LA"), ("coronal", "LS"), ("sagittal", "PS")])
def test_the_letters_of_a_slice_name_its_edges(scene, mrml, letters, plane, expected):
    render.slice_picture(_image(scene, mrml, _bright_cube(OBLIQUE)), render.SliceView(plane))
    assert letters == [expected]


def test_letters_are_drawn_at_the_four_edges_only(scene, mrml):
    image = _image(scene, mrml, _bright_cube(OBLIQUE))
    pictures = [render.slice_picture(image, render.SliceView(letters=letters)).astype(int) for letters in (True, False)]
    rows, columns = np.nonzero(np.abs(pictures[0] - pictures[1]).max(axis=2))
    distance = np.min([rows, 511 - rows, columns, 511 - columns], axis=0)
    assert distance.max() < 40
    for edge in (rows < 40, rows > 471, columns < 40, columns > 471):
        assert edge.any()


# Slices: grey values, colours, overlays


def test_the_window_maps_its_level_to_middle_grey_and_its_ends_to_black_and_white(scene, mrml):
    grid = GRIDS["RAS"]
    values = np.full(grid.shape, 40, np.float32)
    values[:, 30:] = 240.0  # anterior: the window 400 around 40 ends here
    values[:, :20] = -160.0
    picture = render.slice_picture(_image(scene, mrml, Volume(values, grid), 400, 40), _view("axial", np.zeros(3)))
    column = picture[:, 150].astype(int)
    assert column[60].tolist() == [255] * 3
    assert column[240].tolist() == [0] * 3
    np.testing.assert_allclose(column[150], 127.5, atol=2)


def test_without_a_window_the_nodes_own_is_taken(scene, mrml):
    layer = _image(scene, mrml, Volume(np.full((9, 9, 9), 25, np.float32), Grid((9, 9, 9), np.eye(4))))
    layer.node.GetDisplayNode().SetAutoWindowLevel(False)
    layer.node.GetDisplayNode().SetWindowLevel(100, 50)
    picture = render.slice_picture(render.ImageLayer(layer.node), render.SliceView(size=(90, 90), letters=False))
    np.testing.assert_allclose(picture[45, 45], 0.25 * 255, atol=2)


def test_a_foreground_colours_its_hot_spot(scene, mrml):
    coarse = _centered(np.diag([-1.0, -1.0, 1.0]), (5, 5, 5), (20, 20, 20))
    ct = _image(scene, mrml, Volume(np.full(OBLIQUE.shape, 500, np.float32), OBLIQUE))
    pet = mrml.add_volume(scene, Volume(np.where(_cube(coarse, SPOT_MM), 10, 0).astype(np.float32), coarse), "PET")
    hot = render.ImageLayer(pet, 10, 5, "PET-Heat", 0.6)
    picture = render.slice_picture(ct, _view("axial"), foreground=hot)
    colored = picture.max(axis=2).astype(int) - picture.min(axis=2) > 40
    right, up = _from_middle(colored)
    assert right < -30
    assert up > 20


def test_a_transparent_foreground_changes_nothing(scene, mrml):
    ct = _image(scene, mrml, _bright_cube(OBLIQUE))
    hidden = render.ImageLayer(mrml.add_volume(scene, _bright_cube(OBLIQUE), "PET"), 10, 5, "PET-Heat", 0.0)
    with_hidden = render.slice_picture(ct, _view("axial"), foreground=hidden)
    np.testing.assert_array_equal(with_hidden, render.slice_picture(ct, _view("axial")))


def _two_organs(scene, mrml, grid: Grid):
    """A red cube to the right, in front and above; a green one on the other side."""
    values = _cube(grid, SPOT_MM) + 2 * _cube(grid, -SPOT_MM)
    segments = [Segment(1, "red", RED), Segment(2, "green", GREEN)]
    return mrml.add_segmentation(scene, Labelmap(values.astype(np.uint8), grid), segments, "organs")


@pytest.mark.parametrize("plane", PLANES)
def test_an_overlay_lies_on_its_organ_in_its_colour(scene, mrml, grid, plane):
    image = _image(scene, mrml, _bright_cube(grid))
    bare = render.slice_picture(image, _view(plane))
    picture = render.slice_picture(image, _view(plane), segmentation=_two_organs(scene, mrml, grid))
    outlined = _of_color(picture, RED)
    assert outlined.sum() > 20
    assert not _hue(picture, 1).any()
    filled = _hue(picture, 0)
    organ = bare[:, :, 0] > 128
    assert (filled & organ).sum() > 0.8 * organ.sum()
    np.testing.assert_allclose(_from_middle(filled), _from_middle(organ), atol=4)


def test_a_hidden_segment_is_not_drawn(scene, mrml):
    image, organs = _image(scene, mrml, _bright_cube(OBLIQUE)), _two_organs(scene, mrml, OBLIQUE)
    organs.GetDisplayNode().SetSegmentVisibility("Segment_1", False)
    picture = render.slice_picture(image, _view("axial"), segmentation=organs)
    np.testing.assert_array_equal(picture, render.slice_picture(image, _view("axial")))


def test_the_opacity_of_the_fill_is_the_display_nodes(scene, mrml):
    image, organs = _image(scene, mrml, Volume(np.zeros(OBLIQUE.shape), OBLIQUE)), _two_organs(scene, mrml, OBLIQUE)
    organs.GetDisplayNode().SetVisibility2DOutline(False)
    organs.GetDisplayNode().SetOpacity2DFill(0.25)
    picture = render.slice_picture(image, _view("axial"), segmentation=organs)
    np.testing.assert_allclose(picture[:, :, 0].max(), 0.25 * 255, atol=3)


def test_a_segmentation_on_other_voxels_than_the_image_is_drawn_in_its_place(scene, mrml, grid):
    image = _image(scene, mrml, _bright_cube(OBLIQUE))
    picture = render.slice_picture(image, _view("axial"), segmentation=_two_organs(scene, mrml, grid))
    organ = render.slice_picture(image, _view("axial"))[:, :, 0] > 128
    np.testing.assert_allclose(_from_middle(_hue(picture, 0)), _from_middle(organ), atol=6)


def test_a_picture_changes_neither_scene_nor_nodes(scene, mrml):
    image, organs = _image(scene, mrml, _bright_cube(OBLIQUE)), _two_organs(scene, mrml, OBLIQUE)
    display = image.node.GetDisplayNode()
    before = (scene.GetNumberOfNodes(), display.GetWindow(), display.GetLevel(), display.GetColorNodeID())
    render.slice_picture(image, _view("axial"), segmentation=organs)
    render.surface_picture(organs)
    after = (scene.GetNumberOfNodes(), display.GetWindow(), display.GetLevel(), display.GetColorNodeID())
    assert after == before
    assert not organs.GetSegmentation().ContainsRepresentation("Closed surface")


def test_sixty_segments_take_less_than_two_seconds(scene, mrml):
    grid = Grid((122, 101, 112), np.diag([3.0, 3, 3, 1]))
    blocks = np.indices(grid.shape) // np.array([31, 26, 28]).reshape(3, 1, 1, 1)
    values = (1 + blocks[0] + 4 * blocks[1] + 16 * blocks[2]).astype(np.uint8)
    segments = [
        Segment(value, f"block {value}", (value * 3, 255 - value * 3, 128)) for value in np.unique(values).tolist()
    ]
    organs = mrml.add_segmentation(scene, Labelmap(values, grid), segments, "blocks")
    image = _image(scene, mrml, Volume(np.zeros(grid.shape), grid))
    start = time.perf_counter()
    render.slice_picture(image, segmentation=organs)
    assert len(segments) == 64
    assert time.perf_counter() - start < 2


# Surfaces

SIDES = {
    "anterior": ([-1, 0, 0], [0, 0, 1]),
    "posterior": ([1, 0, 0], [0, 0, 1]),
    "left": ([0, -1, 0], [0, 0, 1]),
    "right": ([0, 1, 0], [0, 0, 1]),
    "superior": ([1, 0, 0], [0, 1, 0]),
    "inferior": ([-1, 0, 0], [0, 1, 0]),
}


@pytest.mark.parametrize("side", SIDES)
def test_surfaces_are_seen_from_the_side_that_is_asked_for(scene, mrml, side):
    organs = _two_organs(scene, mrml, OBLIQUE)
    view = render.SurfaceView(side, (300, 300), letters=False)
    picture = render.surface_picture(organs, None, view)
    red, green = (np.array(_from_middle(_hue(picture, channel))) for channel in (0, 1))
    expected_mm = np.array([np.dot(axis, 2 * SPOT_MM) for axis in SIDES[side]])
    pixel_mm = (2 * SPOT_MM + 16).max() * 1.08 / 300 if side != "superior" else None
    assert np.sign(red - green).tolist() == np.sign(expected_mm).tolist()
    if pixel_mm and side in ("anterior", "posterior"):
        np.testing.assert_allclose((red - green) * pixel_mm, expected_mm, atol=4)


@pytest.mark.parametrize(
    ("side", "expected"),
    [("anterior", "LS"), ("posterior", "RS"), ("left", "PS"), ("right", "AS"), ("superior", "RA"), ("inferior", "LA")],
)
def test_the_letters_of_surfaces_name_the_pictures_edges(scene, mrml, letters, side, expected):
    render.surface_picture(_two_organs(scene, mrml, OBLIQUE), None, render.SurfaceView(side))
    assert letters == [expected]


def test_a_surface_lies_where_its_voxels_are_on_every_grid(scene, mrml, grid):
    picture = render.surface_picture(_two_organs(scene, mrml, grid), None, render.SurfaceView(letters=False))
    red, green = (np.array(_from_middle(_hue(picture, channel))) for channel in (0, 1))
    ratio = (red - green)[0] / (red - green)[1]
    np.testing.assert_allclose(ratio, -SPOT_MM[0] / SPOT_MM[2], rtol=0.12)


def test_a_thinned_surface_lies_where_its_voxels_are(scene, mrml):
    grid = _centered(np.diag([-1.0, 1.0, -1.0]), (1, 1, 3), (90, 80, 30))
    organs = _two_organs(scene, mrml, grid)
    fine, coarse = (
        render.surface_picture(organs, None, render.SurfaceView(letters=False, voxel_mm=voxel_mm))
        for voxel_mm in (1, 3)
    )
    for channel in (0, 1):
        np.testing.assert_allclose(_from_middle(_hue(coarse, channel)), _from_middle(_hue(fine, channel)), atol=12)


def test_only_the_chosen_segments_are_drawn(scene, mrml):
    picture = render.surface_picture(_two_organs(scene, mrml, OBLIQUE), ["Segment_2"])
    assert _hue(picture, 1).any()
    assert not _hue(picture, 0).any()


def test_the_nearer_organ_hides_the_farther_one(scene, mrml):
    grid = GRIDS["RAS"]
    values = _cube(grid, np.array([0.0, 30, 0]), 12) + 2 * _cube(grid, np.array([0.0, -30, 0]), 8)
    segments = [Segment(1, "front", RED), Segment(2, "back", GREEN)]
    organs = mrml.add_segmentation(scene, Labelmap(values.astype(np.uint8), grid), segments, "organs")
    front = render.surface_picture(organs, None, render.SurfaceView("anterior"))
    back = render.surface_picture(organs, None, render.SurfaceView("posterior"))
    assert _hue(front, 0).any()
    assert not _hue(front, 1).any()
    assert _hue(back, 1).any()


def test_an_unknown_segment_is_refused(scene, mrml):
    with pytest.raises(UsageError, match="no segments with the ids spleen"):
        render.surface_picture(_two_organs(scene, mrml, OBLIQUE), ["spleen", "Segment_1"])


def test_segments_without_voxels_are_refused(scene, mrml):
    empty = Labelmap(np.zeros(OBLIQUE.shape, np.uint8), OBLIQUE)
    with pytest.raises(AnatomyGuidedError, match="no voxels to show"):
        render.surface_picture(mrml.add_segmentation(scene, empty, [Segment(1, "none", RED)], "empty"))


def test_hidden_segments_give_an_empty_picture(scene, mrml):
    organs = _two_organs(scene, mrml, OBLIQUE)
    for segment_id in ("Segment_1", "Segment_2"):
        organs.GetDisplayNode().SetSegmentVisibility(segment_id, False)
    assert not render.surface_picture(organs, None, render.SurfaceView(letters=False)).any()


def test_the_background_is_as_asked_for(scene, mrml):
    view = render.SurfaceView(size=(60, 40), background=(1.0, 1.0, 1.0), letters=False)
    picture = render.surface_picture(_two_organs(scene, mrml, OBLIQUE), None, view)
    assert picture.shape == (40, 60, 3)
    assert picture[20, 2].tolist() == [255] * 3


# Projections


@pytest.mark.parametrize("plane", PLANES)
def test_a_hot_spot_lies_in_the_projection_where_a_radiologist_expects_it(grid, plane):
    picture = render.projection_picture(_bright_cube(grid), plane=plane, white_at=1000, pixel_mm=1.0)
    expected_mm = [np.dot(axis, SPOT_MM) for axis in PLANES[plane]]
    np.testing.assert_allclose(_from_middle(picture[:, :, 0] < 128), expected_mm, atol=2.5)


def test_a_projection_shows_the_maximum_along_its_ray():
    values = np.zeros((3, 4, 5), np.float32)
    values[1, 2, 3], values[1, 0, 3] = 4, 8
    picture = render.projection_picture(
        Volume(values, Grid((3, 4, 5), np.eye(4))), white_at=10, pixel_mm=1, inverted=False
    )
    assert picture.shape == (5, 3, 3)
    assert picture[:, :, 0].tolist() == [[0, 0, 0], [0, 204, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_a_projection_has_square_pixels():
    volume = Volume(np.zeros((10, 6, 8), np.float32), Grid((10, 6, 8), np.diag([2.0, 3, 5, 1])))
    assert render.projection_picture(volume, pixel_mm=1.0).shape == (40, 20, 3)
    assert render.projection_picture(volume, plane="sagittal", pixel_mm=2.0).shape == (20, 9, 3)


# Refusals, and machines that cannot draw


def test_an_unknown_plane_is_refused():
    with pytest.raises(UsageError, match="plane must be one of axial, coronal, sagittal, but is 'frontal'"):
        render.SliceView("frontal")
    with pytest.raises(UsageError, match="plane must be"):
        render.projection_picture(_bright_cube(OBLIQUE), plane="frontal")


def test_an_unknown_side_is_refused():
    with pytest.raises(UsageError, match="side must be one of anterior, "):
        render.SurfaceView("front")


def test_unknown_colours_are_refused(scene, mrml):
    node = mrml.add_volume(scene, _bright_cube(OBLIQUE), "PET")
    with pytest.raises(UsageError, match="no colours called 'Hot'"):
        render.slice_picture(render.ImageLayer(node, colors="Hot"))


@pytest.mark.parametrize("kind", ["volume", "slice overlay", "surfaces"])
def test_nodes_under_a_transform_are_refused(scene, mrml, kind):
    image, organs = _image(scene, mrml, _bright_cube(OBLIQUE)), _two_organs(scene, mrml, OBLIQUE)
    parent = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    matrix = parent.GetMatrixTransformToParent()
    matrix.SetElement(0, 3, 5.0)
    parent.SetMatrixTransformToParent(matrix)
    (image.node if kind == "volume" else organs).SetAndObserveTransformNodeID(parent.GetID())
    with pytest.raises(AnatomyGuidedError, match="under the transform 'moved'"):
        _ = render.surface_picture(organs) if kind == "surfaces" else render.slice_picture(image, segmentation=organs)


@pytest.fixture
def trial(monkeypatch):
    """A function that gives the trial another script; the trial forgets what it knows, before and after."""
    pytest.importorskip("slicer", reason="slicer-core is not installed: pip install slicer-core")
    render_window._tried.cache_clear()
    yield lambda script: monkeypatch.setattr(render_window, "_TRIAL", script)
    render_window._tried.cache_clear()


def test_missing_libraries_of_slicer_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "slicer", None)
    with pytest.raises(render.RenderingUnavailable, match="pip install slicer-core"):
        render.slice_picture(render.ImageLayer(None))


def test_a_crash_of_the_trial_is_an_error_and_no_crash_here(trial):
    trial("import os; os.abort()")
    with pytest.raises(render.RenderingUnavailable, match=r"the trial ended with code .*libegl1"):
        render.surface_picture(None)


def test_the_reason_is_what_the_trial_said_last(trial):
    trial("import sys; sys.exit('libEGL is too old. Buy another.')")
    with pytest.raises(render.RenderingUnavailable, match=r"\(libEGL is too old\)"):
        render.slice_picture(render.ImageLayer(None))


@pytest.mark.usefixtures("trial")
def test_a_python_that_cannot_be_started_is_an_error(monkeypatch):
    monkeypatch.setattr(render_window, "python_executable", lambda: "no-such-python")
    with pytest.raises(render.RenderingUnavailable, match="the trial did not run"):
        render.require_rendering()


def test_the_trial_runs_once(trial, monkeypatch):
    calls = []
    run = subprocess.run
    monkeypatch.setattr(render_window.subprocess, "run", lambda *words, **how: calls.append(1) or run(*words, **how))
    trial("print('drawn by vtkSomeRenderWindow')")
    assert [render.require_rendering(), render.require_rendering()] == ["vtkSomeRenderWindow"] * 2
    assert len(calls) == 1


@pytest.mark.usefixtures("trial")
def test_a_machine_without_working_opengl_says_so(monkeypatch):
    if ctypes.util.find_library("OSMesa") or sys.platform != "linux":
        pytest.skip("OSMesa is installed here, or this is not Linux, so no window can be made to fail")
    monkeypatch.setenv("VTK_DEFAULT_OPENGL_WINDOW", "vtkOSOpenGLRenderWindow")
    with pytest.raises(render.RenderingUnavailable, match="libOSMesa not found"):
        render.require_rendering()


# PNG


def test_a_png_holds_the_picture(tmp_path):
    vtk = pytest.importorskip("vtk")
    from vtk.util.numpy_support import vtk_to_numpy

    picture = np.random.default_rng(2).integers(0, 256, (13, 7, 3), dtype=np.uint8)
    (tmp_path / "picture.png").write_bytes(render.encode_png(picture))
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(tmp_path / "picture.png"))
    reader.Update()
    bottom_up = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars()).reshape(13, 7, 3)
    np.testing.assert_array_equal(bottom_up[::-1], picture)


@pytest.mark.parametrize("array", [np.zeros((4, 4)), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_picture_is_no_png(array):
    with pytest.raises(AnatomyGuidedError, match="A picture is"):
        render.encode_png(array)


# A real scan


def test_the_liver_of_a_real_scan_is_on_the_left_of_the_coronal_picture(scene, mrml):
    path = REAL_DATA / "ct_abdomen_3mm.nii.gz"
    if not path.exists():
        pytest.skip("the real abdominal CT is not here (../shared/realdata)")
    ct = read_image(path)
    organs = read_labelmap(REAL_DATA / "ct_abdomen_3mm_totalsegmentator.nii.gz")
    liver, spleen = (
        Labelmap((organs.values == value).astype(np.uint8) * number, organs.grid) for value, number in ((5, 1), (1, 2))
    )
    both = Labelmap(liver.values + spleen.values, organs.grid)
    node = mrml.add_segmentation(scene, both, [Segment(1, "Liver", RED), Segment(2, "Spleen", GREEN)], "organs")
    r, a, s = organs.grid.ras_from_ijk(np.argwhere(spleen.values).mean(axis=0)).tolist()
    image = _image(scene, mrml, ct, 400, 40)
    picture = render.slice_picture(image, render.SliceView("coronal", (r, a, s), letters=False), segmentation=node)
    assert _from_middle(_hue(picture, 0))[0] < -30
    assert _from_middle(_hue(picture, 1))[0] > 30
