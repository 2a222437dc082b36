"""The anatomy of films from any 2D model's files, each form beside the same masks; and films of 16 bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.phantom.xray_files import run_lengths
from PathologySegLib.apex.film import read_film, read_image
from PathologySegLib.apex.film_anatomy import read_anatomy
from PathologySegLib.apex.film_sets import films_of
from PathologySegLib.films.reading import read_radiograph

Run = Callable[..., tuple[int, str, str]]
SIZE = (6, 8)
LABELS = np.zeros(SIZE, np.uint8)
LABELS[1:3, 2:7], LABELS[3:6, 0:2] = 3, 7  # a heart, and a left clavicle that is not symmetric either way
NAMES = ["heart", "clavicle left", "aorta"]


def put(values: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(path))
    return path


def table(folder: Path, text: str = "value,name\n0,background\n3,heart\n7,Clavicle_Left\n9,aorta\n") -> None:
    (folder / "classes.csv").write_text(text)


def coco(rows: list[tuple[str, object]]) -> str:
    categories = [{"id": number, "name": name} for number, (name, _) in enumerate(rows)]
    annotations = [{"category_id": number, "segmentation": own} for number, (_, own) in enumerate(rows)]
    return json.dumps({"categories": categories, "annotations": annotations})


def as_coco(folder: Path) -> Path:
    (folder / "a.json").write_text(
        coco([("heart", run_lengths(LABELS == 3)), ("clavicle left", run_lengths(LABELS == 7))])
    )
    return folder / "a.json"


def as_pycocotools_text(folder: Path) -> Path:
    """As PAXRay++'s own models write it."""
    lengths = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed")
    encoded = [lengths.encode(np.asfortranarray((value == LABELS).astype(np.uint8))) for value in (3, 7)]
    texts = [{**own, "counts": own["counts"].decode()} for own in encoded]
    (folder / "a.json").write_text(coco([("heart", texts[0]), ("clavicle left", texts[1])]))
    return folder / "a.json"


def as_png(folder: Path) -> Path:
    table(folder)
    return put(LABELS, folder / "maps" / "a.png")


def as_nifti(folder: Path) -> Path:
    (folder / "classes.json").write_text(json.dumps({"3": "heart", "7": "clavicle left"}))
    return put(LABELS.astype(np.float32), folder / "a.nii.gz")


def as_nrrd(folder: Path) -> Path:
    table(folder)
    return put(LABELS.astype(np.uint16), folder / "a.nrrd")


def as_masks(folder: Path) -> Path:
    for name, value in (("heart", 3), ("Clavicle_Left", 7), ("aorta", 9)):
        put((value == LABELS).astype(np.uint8) * 255, folder / "a" / f"{name}.png")
    return folder / "a"


@pytest.mark.parametrize("written", [as_coco, as_pycocotools_text, as_png, as_nifti, as_nrrd, as_masks])
def test_every_form_gives_the_same_masks(tmp_path: Path, written: Callable[[Path], Path]) -> None:
    found = read_anatomy(written(tmp_path), NAMES, SIZE)
    assert list(found) == ["heart", "clavicle left"]
    np.testing.assert_array_equal(found["heart"], LABELS == 3)
    np.testing.assert_array_equal(found["clavicle left"], LABELS == 7)


def test_shadows_with_daps_names_are_joined_to_the_classes_that_they_make(tmp_path: Path) -> None:
    table(tmp_path, "value,name\n3,Clavicula Right\n7,Clavicula Left\n")
    found = read_anatomy(put(LABELS, tmp_path / "a.png"), ["clavicles", "clavicle left"], SIZE)
    np.testing.assert_array_equal(found["clavicles"], LABELS > 0)
    np.testing.assert_array_equal(found["clavicle left"], LABELS == 7)


def test_overlapping_masks_stay_whole(tmp_path: Path) -> None:
    put(np.ones(SIZE, np.uint8), tmp_path / "a" / "lung.png")
    put((LABELS == 3).astype(np.uint8), tmp_path / "a" / "heart.png")
    found = read_anatomy(tmp_path / "a", ["lung", "heart"], SIZE)
    assert {name: int(mask.sum()) for name, mask in found.items()} == {"lung": 48, "heart": 10}


def test_annotations_of_one_name_are_one_mask(tmp_path: Path) -> None:
    content = json.loads(coco([("heart", run_lengths(LABELS == 3))]))
    content["annotations"].append({"category_id": 0, "segmentation": run_lengths(LABELS == 7)})
    (tmp_path / "a.json").write_text(json.dumps(content))
    np.testing.assert_array_equal(read_anatomy(tmp_path / "a.json", ["heart"], SIZE)["heart"], LABELS > 0)


def no_table(folder: Path) -> Path:
    return put(LABELS, folder / "a.png")


def unknown_name(folder: Path) -> Path:
    table(folder, "value,name\n3,hart\n7,clavicle left\n")
    return put(LABELS, folder / "a.png")


def unnamed_value(folder: Path) -> Path:
    table(folder, "value,name\n3,heart\n")
    return put(LABELS, folder / "a.png")


def from_zero_on(folder: Path) -> Path:
    table(folder, "value,name\n0,spine\n3,heart\n7,clavicle left\n")
    return put(LABELS, folder / "a.png")


def named_twice(folder: Path) -> Path:
    table(folder, "value,name\n3,heart\n3,aorta\n7,clavicle left\n")
    return put(LABELS, folder / "a.png")


def no_columns(folder: Path) -> Path:
    table(folder, "id;class\n3;heart\n")
    return put(LABELS, folder / "a.png")


def no_mapping(folder: Path) -> Path:
    (folder / "classes.json").write_text('["heart"]')
    return put(LABELS, folder / "a.png")


def fractions(folder: Path) -> Path:
    table(folder)
    return put(LABELS.astype(np.float32) / 2, folder / "a.nii.gz")


def in_colours(folder: Path) -> Path:
    table(folder)
    path = folder / "a.png"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.stack([LABELS] * 3, -1), isVector=True), str(path))
    return path


def other_size(folder: Path) -> Path:
    table(folder)
    return put(LABELS[:, :5], folder / "a.png")


def other_size_in_coco(folder: Path) -> Path:
    (folder / "a.json").write_text(coco([("heart", run_lengths(LABELS.T == 3))]))
    return folder / "a.json"


def volume(folder: Path) -> Path:
    table(folder)
    return put(np.stack([LABELS] * 2), folder / "a.nii.gz")


def a_map_among_masks(folder: Path) -> Path:
    put(LABELS, folder / "a" / "heart.png")
    return folder / "a"


def strange_mask(folder: Path) -> Path:
    put(LABELS.clip(max=1), folder / "a" / "antler.png")
    return folder / "a"


def no_masks(folder: Path) -> Path:
    (folder / "a").mkdir()
    return folder / "a"


def damaged(folder: Path) -> Path:
    table(folder)
    (folder / "a.png").write_bytes(b"\x89PNG")
    return folder / "a.png"


def no_coco(folder: Path) -> Path:
    (folder / "a.json").write_text("[]")
    return folder / "a.json"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (no_table, r"No file names the values of a\.png: classes\.csv"),
        (unknown_name, r"classes\.csv has a structure 'hart'.*did you mean 'heart'"),
        (unnamed_value, r"holds the value 7, which its classes\.csv or classes\.json does not name"),
        (from_zero_on, r"calls the value 0 'spine', but 0 is no structure"),
        (named_twice, "names a value or a structure twice"),
        (no_columns, r"classes\.csv cannot be read as names by value"),
        (no_mapping, r"classes\.json cannot be read as names by value"),
        (fractions, "no whole numbers from 0 on"),
        (in_colours, "is a picture in colours"),
        (other_size, r"a\.png has 6 x 5 pixels, but its film 6 x 8"),
        (other_size_in_coco, r"a\.json has 8 x 6 pixels, but its film 6 x 8"),
        (volume, "is a volume of"),
        (a_map_among_masks, r"a/heart\.png holds several values above 0"),
        (strange_mask, "has a structure 'antler'"),
        (no_masks, "The folder a holds no PNG"),
        (damaged, r"a\.png cannot be read"),
        (no_coco, r"a\.json cannot be read as anatomy"),
    ],
)
def test_what_is_no_anatomy_of_the_film_is_refused(tmp_path: Path, written: Callable[[Path], Path], words: str) -> None:
    with pytest.raises(AnatomyGuidedError, match=words):
        read_anatomy(written(tmp_path), NAMES, SIZE)


def made_set(folder: Path, films: int = 4, side: int = 64) -> Path:
    """ChestX-Det's layout: films with a mass each, and a label map of their anatomy each."""
    pytest.importorskip("pycocotools", reason="pycocotools is not installed")
    rows = []
    for number in range(films):
        put(np.full((side, side), 51 + number, np.uint8), folder / f"{number}_000.png")
        labels = np.zeros((side, side), np.uint8)
        labels[16:32, 8:24] = 1
        put(labels, folder / "anatomy" / f"{number}_000.png")
        rows.append({"file_name": f"{number}_000.png", "syms": ["Mass"],
                     "polygons": [[[8, 16], [24, 16], [24, 40], [8, 40]]]})  # fmt: skip
    (folder / "anatomy" / "classes.csv").write_text("value,name\n1,heart\n")
    (folder / "train.json").write_text(json.dumps(rows))
    return folder / "train.json"


def test_chestx_det_takes_label_maps_as_anatomy_and_folders_of_films_too(tmp_path: Path) -> None:
    films = films_of(made_set(tmp_path / "set"), ["heart"], 8, needs_anatomy=True)
    assert len(films) == 4
    np.testing.assert_array_equal(np.argwhere(films[0][0].anatomy["heart"]), [[i, j] for i in (2, 3) for j in (1, 2)])
    folder = tmp_path / "folders" / "film"
    put(np.full((64, 64), 80, np.uint8), folder / "image.png")
    finding = {"categories": [{"id": 1, "name": "Mass"}],
               "annotations": [{"category_id": 1, "segmentation": run_lengths(np.eye(64) > 0)}]}  # fmt: skip
    (folder / "instances.json").write_text(json.dumps(finding))
    assert read_film(folder, ["heart"]).anatomy == {}
    with pytest.raises(AnatomyGuidedError, match=r"anatomy\.json, \.png or \.nii\.gz of film"):
        films_of(tmp_path / "folders", ["heart"], 64, needs_anatomy=True)
    put(np.ones((64, 64), np.uint8), folder / "anatomy" / "heart.png")
    assert films_of(tmp_path / "folders", ["heart"], 64, needs_anatomy=True)[0][0].anatomy["heart"].all()
    put(np.ones((64, 64), np.uint8), folder / "anatomy.png")
    with pytest.raises(AnatomyGuidedError, match=r"anatomy\.png and anatomy are both the anatomy"):
        read_film(folder, ["heart"])
    (folder / "image.png").unlink()
    with pytest.raises(AnatomyGuidedError, match=r"The film film/image\.png is missing"):
        read_film(folder, ["heart"])


def test_a_mixer_is_trained_on_label_maps_and_a_map_of_another_size_stops_it(tmp_path: Path, run_command: Run) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    made_set(tmp_path)
    small = {"stem": 4, "embedding": 8, "features": [8, 8, 8, 8], "depths": [1, 1, 1, 1], "hidden": 32, "heads": 2,
             "queries": 4, "layers": 1, "pixel_layers": 1, "feedforward": 16, "pixel_feedforward": 16}  # fmt: skip
    recipe = {"domain": "xray", "data": "train.json", "film_anatomy": "small", "folds": 2, "films": {"pixels": 64},
              "shape": small, "training": {"steps": 1, "batch": 2}}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(recipe))
    code, _, said = run_command("train", "apex", "--config", tmp_path / "config.json", "-o", tmp_path / "m")
    assert code == 0, said
    put(np.zeros((32, 32), np.uint8) + 1, tmp_path / "anatomy" / "2_000.png")
    code, _, said = run_command("train", "apex", "--config", tmp_path / "config.json", "-o", tmp_path / "n")
    assert code == 1
    assert "2_000.png has 32 x 32 pixels, but its film 64 x 64" in said


@pytest.mark.parametrize("values", [
    np.array([[0, 51], [255, 102]], np.uint8), np.array([[200, 1000], [4000, 2200]], np.uint16),
])  # fmt: skip
def test_a_film_is_as_light_in_the_training_as_in_the_prediction(tmp_path: Path, values: np.ndarray) -> None:
    path = put(values, tmp_path / "film.png")
    np.testing.assert_array_equal(read_image(path), read_radiograph(path).image)
    assert read_image(path).max() == 1.0


def test_films_in_colours_are_their_mean_and_constant_ones_of_16_bit_are_refused(tmp_path: Path) -> None:
    picture = np.zeros((2, 2, 4), np.uint8)
    picture[..., 0], picture[..., 3] = 153, 255  # red and opaque
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(picture, isVector=True), str(tmp_path / "c.png"))
    np.testing.assert_allclose(read_image(tmp_path / "c.png"), 0.2)
    with pytest.raises(AnatomyGuidedError, match="constant"):
        read_image(put(np.full((2, 2), 700, np.uint16), tmp_path / "flat.png"))
