"""`anatomyguided lesions FILM` as a user calls it, with a small network that learned for a few steps."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import nrrd
import numpy as np
import pytest
import SimpleITK
from AnatomyGuidedLib.cli import Console, execute, main, parse_arguments
from AnatomyGuidedLib.errors import Cancelled
from AnatomyGuidedLib.grid import Grid, Volume
from AnatomyGuidedLib.io import write_volume
from AnatomyGuidedLib.labels import id_of, label_by_id
from AnatomyGuidedLib.phantom.xray_files import write_xray
from AnatomyGuidedLib.phantom.xray_findings import CATEGORIES
from made_films import phantom_xray, write_dicom_film, write_picture
from PathologySegLib.attended_segments import numbered
from PathologySegLib.films.overlay import color_of, overlay
from PathologySegLib.films.table import COLUMNS, Finding, finding_rows

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("pycocotools", reason="pycocotools is not installed")

from PathologySegLib.apex.average_precision import average_precisions  # noqa: E402
from PathologySegLib.apex.film import Film, read_film, shrunk  # noqa: E402
from PathologySegLib.apex.film_learning import film_scores  # noqa: E402
from PathologySegLib.apex.film_source import in_three  # noqa: E402
from PathologySegLib.apex.instances import Instance, instances_of  # noqa: E402
from PathologySegLib.apex.model_folder import ApexModel, read_apex, write_apex  # noqa: E402
from PathologySegLib.apex.paxray import SMALL, paxray_classes  # noqa: E402

Run = Callable[..., tuple[int, str, str]]

PIXELS = 64
SHAPE = {"stem": 4, "embedding": 8, "features": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "block": "basic",
         "hidden": 32, "heads": 4, "queries": 10, "layers": 2, "pixel_layers": 1, "feedforward": 16,
         "pixel_feedforward": 16}  # fmt: skip
SETTINGS = {
    "domain": "xray", "film_anatomy": "small", "shape": SHAPE, "folds": 2,
    "films": {"bodies": 2, "test": 1, "films": 1, "spacing_mm": 10.0, "pixels": PIXELS},
    "training": {"steps": 60, "batch": 2, "learning_rate": 5e-3, "warm_up_steps": 1, "averaging": 0.9},
}  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that learned for a few steps, by the command that users have."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "recipe.json").write_text(json.dumps(SETTINGS))
    assert main(["train", "apex", "--config", str(folder / "recipe.json"), "-o", str(folder / "films")]) == 0
    return folder / "films"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a phantom's film and its findings."""
    folder = tmp_path_factory.mktemp("film")
    write_xray(phantom_xray(), folder)
    return folder


def evaluated(model: ApexModel, small: Film) -> list[Instance]:
    """What the training's evaluation is scored on, by the network itself."""
    with torch.inference_mode():
        answer = model.segmenter.network.eval()(torch.from_numpy(in_three(small.image)[None]))
    return instances_of(answer.said[-1][-1], (PIXELS, PIXELS))[0]


def masks_in(path: Path) -> list[np.ndarray]:
    """The segments of a .seg.nrrd in their order as rows and columns, by the fields that Slicer goes by."""
    values, header = nrrd.read(str(path), index_order="F")
    layers = values if values.ndim == 4 else values[None]
    count = sum(key.endswith("_LabelValue") for key in header)
    return [
        (layers[int(header[f"Segment{n}_Layer"])] == int(header[f"Segment{n}_LabelValue"]))[..., 0].T
        for n in range(count)
    ]


def test_masks_and_scores_are_those_of_the_trainings_evaluation(
    model: Path, film: Path, run_command: Run, tmp_path: Path
) -> None:
    code, out, said = run_command("lesions", film / "image.png", "--model", model, "--threshold", "0", "-o",
                                  tmp_path / "found", "--json", tmp_path / "r.json")  # fmt: skip
    assert code == 0, said
    small = shrunk(read_film(film, SMALL), PIXELS)
    wanted = evaluated(read_apex(model), small)
    report = json.loads((tmp_path / "found" / "findings.json").read_text())
    assert json.loads((tmp_path / "r.json").read_text()) == report
    found = report["findings"]
    assert [one["class"] for one in found] == [CATEGORIES[one.category] for one in wanted]
    assert [one["score"] for one in found] == pytest.approx([one.score for one in wanted], abs=6e-5)
    masks = masks_in(tmp_path / "found" / "findings.seg.nrrd")
    side = 512 // PIXELS
    assert len({mask.tobytes() for mask in masks}) > 1
    for mask, one, told in zip(masks, wanted, found, strict=True):
        np.testing.assert_array_equal(mask, np.repeat(np.repeat(one.mask, side, 0), side, 1))
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert (told["x"], told["y"]) == (columns[0], rows[0])
        assert (told["width"], told["height"]) == (np.ptp(columns) + 1, np.ptp(rows) + 1)
        assert (told["area_pixels"], told["area_cm2"]) == (mask.sum(), None)
    again = [Instance(CATEGORIES.index(one["class"]), one["score"], mask[::side, ::side])
             for one, mask in zip(found, masks, strict=True)]  # fmt: skip
    by_files = average_precisions([small.findings], [again], len(CATEGORIES))
    scores = film_scores(read_apex(model).segmenter, [small])
    assert {CATEGORIES[category]: round(value, 4) for category, value in by_files.items()} == {
        name: value for name, value in scores.items() if name != "map"
    }
    assert f"{len(found)} findings" in out
    assert "made patients alone" in said


def test_the_attended_anatomy_is_that_of_the_instances_own_query(
    model: Path, film: Path, run_command: Run, tmp_path: Path
) -> None:
    run_command("lesions", film / "image.png", "--model", model, "--threshold", "0", "-o", tmp_path / "found")
    apex, small = read_apex(model), shrunk(read_film(film, SMALL), PIXELS)
    with torch.inference_mode():
        answer = apex.segmenter.network.eval()(torch.from_numpy(in_three(small.image)[None]))
    looks = np.mean([layer[0].numpy() for layer in answer.attention], axis=0)
    meaning = answer.said[0][-1].classes[0].softmax(-1).numpy()[:, :-1]
    found = json.loads((tmp_path / "found" / "findings.json").read_text())["findings"]
    for told, one in zip(found, evaluated(apex, small), strict=True):
        shares = looks[one.query] @ meaning
        shares /= shares.sum()
        best = np.argsort(-shares, kind="stable")[:5]
        assert [entry["name"] for entry in told["attended"]] == [SMALL[place] for place in best]
        assert [entry["share"] for entry in told["attended"]] == pytest.approx(shares[best], abs=1e-4)
    rows = list(csv.DictReader((tmp_path / "found" / "findings.csv").open()))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["attended"].split("; ") == [entry["name"] for entry in found[0]["attended"]]


def test_attended_anatomy_is_shown_as_segments_where_the_model_sees_it_also_on_a_mirrored_grid(
    model: Path, run_command: Run, tmp_path: Path
) -> None:
    image = phantom_xray().image
    affine = np.array([[-0.7, 0, 0, 180], [0, 0, -1, 0], [0, -0.7, 0, 150], [0, 0, 0, 1.0]])
    mirrored = affine @ np.array([[-1, 0, 0, 511], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    values = image.T[..., None].astype(np.float32)
    write_volume(Volume(values, Grid(values.shape, affine)), tmp_path / "film.nii.gz")
    write_volume(Volume(values[::-1], Grid(values.shape, mirrored)), tmp_path / "mirrored.nii.gz")
    for name in ("film", "mirrored"):
        code, _, said = run_command(
            "lesions", tmp_path / f"{name}.nii.gz", "--model", model, "--threshold", "0", "-o", tmp_path / name,
            "--attention", tmp_path / f"{name}.seg.nrrd",
        )  # fmt: skip
        assert code == 0, said
    whose: dict[str, list[int]] = {}
    for one in json.loads((tmp_path / "film" / "findings.json").read_text())["findings"]:
        for told in one["attended"]:
            whose.setdefault(told["name"], []).append(one["finding"])
    light = (image.astype(np.float32) - image.min()) / (image.max() - image.min())  # no window is told in NIfTI
    small = light.reshape(PIXELS, 8, PIXELS, 8).mean((1, 3))
    with torch.inference_mode():
        said_of = read_apex(model).segmenter.network.eval()(torch.from_numpy(in_three(small)[None])).said[0][-1]
        inside = torch.nn.functional.interpolate(said_of.masks, size=(PIXELS, PIXELS), mode="bilinear").sigmoid()[0]
    meaning = said_of.classes[0].softmax(-1).numpy()[:, :-1]
    chances = np.einsum("qc,qhw->chw", meaning, inside.numpy())
    seen = {name: chances[SMALL.index(name)] >= 0.5 for name in whose}
    masks, header = masks_in(tmp_path / "film.seg.nrrd"), nrrd.read_header(str(tmp_path / "film.seg.nrrd"))
    assert [name for name in whose if not seen[name].any()] == [name for name in whose if name in said]
    shown = [name for name in whose if seen[name].any()]
    assert shown
    for place, (name, mask, turned) in enumerate(
        zip(shown, masks, masks_in(tmp_path / "mirrored.seg.nrrd"), strict=True)
    ):
        np.testing.assert_array_equal(mask, np.repeat(np.repeat(seen[name], 8, 0), 8, 1))
        np.testing.assert_array_equal(mask, turned[:, ::-1])
        assert header[f"Segment{place}_Name"] == f"{name} ({numbered(whose[name], 'finding')})"
    heart = [n for n, name in enumerate(shown) if name == "heart"]
    colors = {tuple(round(255 * float(c)) for c in header[f"Segment{n}_Color"].split()) for n in heart}
    assert colors <= {label_by_id(id_of(paxray_classes()[121].dap_names[0])).color}


def test_attention_of_a_film_is_refused_as_a_table_and_empty_without_findings(
    model: Path, film: Path, run_command: Run, tmp_path: Path
) -> None:
    words = ["lesions", film / "image.png", "--model", model, "-o", tmp_path / "f", "--attention"]
    code, _, said = run_command(*words, tmp_path / "a.json")
    assert (code, (tmp_path / "f").exists(), (tmp_path / "a.json").exists()) == (2, False, False)
    assert "findings.json holds all names with shares" in said
    assert run_command(*words, tmp_path / "a.seg.nrrd", "--threshold", "1")[0] == 0
    assert masks_in(tmp_path / "a.seg.nrrd") == []


def test_a_model_without_such_attention_says_so(film: Path, run_command: Run, tmp_path: Path) -> None:
    from AnatomyGuidedLib.study_options import with_settings
    from PathologySegLib.apex.film_learning import film_counts
    from PathologySegLib.apex.recipe import ApexRecipe
    from PathologySegLib.apex.segmenters import build_segmenter

    torch.manual_seed(0)
    recipe = with_settings(ApexRecipe(), {**SETTINGS, "arm": "baseline"})
    write_apex(tmp_path / "m", recipe, build_segmenter(recipe, film_counts(recipe)), steps=0, results={})
    code, _, said = run_command("lesions", film / "image.png", "--model", tmp_path / "m", "--threshold", "0",
                                "-o", tmp_path / "f")  # fmt: skip
    assert code == 0, said
    found = json.loads((tmp_path / "f" / "findings.json").read_text())["findings"]
    assert found
    assert {one["attended"] for one in found} == {None}
    code, _, said = run_command("lesions", film / "image.png", "--model", tmp_path / "m", "-o", tmp_path / "g",
                                "--attention", tmp_path / "a.seg.nrrd")  # fmt: skip
    assert (code, (tmp_path / "g").exists()) == (2, False)
    assert "m tells no attention" in said


def test_from_the_threshold_on_and_in_square_centimetres(
    model: Path, film: Path, run_command: Run, tmp_path: Path
) -> None:
    path = write_dicom_film(tmp_path / "film.dcm", phantom_xray().image, ImagerPixelSpacing=[0.5, 0.8])
    run_command("lesions", path, "--model", model, "--threshold", "0", "-o", tmp_path / "all")
    every = json.loads((tmp_path / "all" / "findings.json").read_text())
    assert (every["film"]["pixel_mm"], every["film"]["pixel_mm_from"]) == ([0.5, 0.8], "ImagerPixelSpacing")
    assert every["film"]["view"] == "PA"
    for one in every["findings"]:
        assert one["area_cm2"] == pytest.approx(one["area_pixels"] * 0.5 * 0.8 / 100, abs=0.005)
    least = every["findings"][2]["score"] + 1e-4
    run_command("lesions", path, "--model", model, "--threshold", least, "-o", tmp_path / "some")
    some = json.loads((tmp_path / "some" / "findings.json").read_text())
    assert [one["score"] for one in some["findings"]] == [
        one["score"] for one in every["findings"] if one["score"] >= least
    ]
    code, out, _ = run_command("lesions", film / "image.png", "--model", model, "--threshold", "1", "--pixel-mm", "0.7",
                               "-o", tmp_path / "none")  # fmt: skip
    assert code == 0
    assert "0 findings" in out
    assert json.loads((tmp_path / "none" / "findings.json").read_text())["film"]["pixel_mm"] == [0.7, 0.7]
    assert {file.name for file in (tmp_path / "none").iterdir()} == {
        "findings.csv", "findings.json", "findings.seg.nrrd", "overlay.png"}  # fmt: skip


def test_a_mirrored_film_that_says_so_has_the_same_findings_in_the_same_places(
    model: Path, run_command: Run, tmp_path: Path
) -> None:
    image = phantom_xray().image
    affine = np.array([[-0.7, 0, 0, 180], [0, 0, -1, 0], [0, -0.7, 0, 150], [0, 0, 0, 1.0]])
    mirrored = affine @ np.array([[-1, 0, 0, 511], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    values = image.T[..., None].astype(np.float32)
    write_volume(Volume(values, Grid(values.shape, affine)), tmp_path / "film.nii.gz")
    write_volume(Volume(values[::-1], Grid(values.shape, mirrored)), tmp_path / "mirrored.nii.gz")
    for name in ("film", "mirrored"):
        code, _, said = run_command("lesions", tmp_path / f"{name}.nii.gz", "--model", model, "--threshold", "0",
                                    "-o", tmp_path / name)  # fmt: skip
        assert code == 0, said
        assert "does not say" not in said
    reports = [json.loads((tmp_path / name / "findings.json").read_text()) for name in ("film", "mirrored")]
    assert reports[0]["findings"] == reports[1]["findings"]
    assert (tmp_path / "film" / "overlay.png").read_bytes() == (tmp_path / "mirrored" / "overlay.png").read_bytes()
    pairs = zip(*(masks_in(tmp_path / name / "findings.seg.nrrd") for name in ("film", "mirrored")), strict=True)
    for straight, turned in pairs:
        np.testing.assert_array_equal(straight, turned[:, ::-1])
    dicom = write_dicom_film(tmp_path / "r.dcm", image[:, ::-1].copy(), PatientOrientation=["R", "F"])
    code, out, said = run_command("lesions", dicom, "--model", model, "-o", tmp_path / "r")
    assert (code, out) == (1, "")
    assert "mirrored" in said
    assert not (tmp_path / "r").exists()


def test_a_picture_that_tells_no_side_is_taken_as_films_hang_and_this_is_said(
    model: Path, film: Path, run_command: Run, tmp_path: Path
) -> None:
    image = phantom_xray().image
    path = write_picture(tmp_path / "mirrored.png", image[:, ::-1].copy())
    _, _, said = run_command("lesions", path, "--model", model, "--threshold", "0", "-o", tmp_path / "f")
    assert "taken to be on the image's right" in said
    report = json.loads((tmp_path / "f" / "findings.json").read_text())
    assert report["film"]["orientation"] == "assumed"
    assert any("image's right" in note for note in report["notes"])
    run_command("lesions", film / "image.png", "--model", model, "--threshold", "0", "-o", tmp_path / "g")
    assert report["findings"] != json.loads((tmp_path / "g" / "findings.json").read_text())["findings"]


def test_slicer_shows_the_segments_on_the_film(model: Path, run_command: Run, tmp_path: Path) -> None:
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed: pip install slicer-core")
    vtk = pytest.importorskip("vtk")
    path = write_dicom_film(tmp_path / "film.dcm", phantom_xray().image, ImagerPixelSpacing=[0.5, 0.8])
    run_command("lesions", path, "--model", model, "--threshold", "0", "-o", tmp_path / "found")
    scene = slicer.vtkMRMLScene()
    volume, segmentation = (scene.AddNewNodeByClass(f"vtkMRML{kind}Node") for kind in ("ScalarVolume", "Segmentation"))
    storages = slicer.vtkMRMLVolumeArchetypeStorageNode(), slicer.vtkMRMLSegmentationStorageNode()
    storages[0].SetFileName(str(path))
    storages[0].SetSingleFile(1)
    storages[1].SetFileName(str(tmp_path / "found" / "findings.seg.nrrd"))
    assert storages[0].ReadData(volume)
    assert storages[1].ReadData(segmentation)
    found = json.loads((tmp_path / "found" / "findings.json").read_text())["findings"]
    held = segmentation.GetSegmentation()
    names = [held.GetNthSegment(place).GetName() for place in range(held.GetNumberOfSegments())]
    assert names == [f"{one['class']} {one['finding']}" for one in found]
    assert held.GetNumberOfLayers() > 1
    film_to_ras = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(film_to_ras)
    for place, mask in enumerate(masks_in(tmp_path / "found" / "findings.seg.nrrd")):
        shown = slicer.vtkOrientedImageData()
        segmentation.GetBinaryLabelmapRepresentation(held.GetNthSegmentID(place), shown)
        to_ras = vtk.vtkMatrix4x4()
        shown.GetImageToWorldMatrix(to_ras)
        assert [to_ras.GetElement(i, j) for i in range(3) for j in range(4)] == pytest.approx(
            [film_to_ras.GetElement(i, j) for i in range(3) for j in range(4)]
        )
        first_i, last_i, first_j, last_j, *_ = shown.GetExtent()
        inside = sum(
            shown.GetScalarComponentAsDouble(i, j, 0, 0) > 0
            for i in range(first_i, last_i + 1)
            for j in range(first_j, last_j + 1)
        )
        assert inside == mask.sum()


def test_the_picture_has_outlines_and_numbers_in_the_classes_colours() -> None:
    image = np.full((300, 300), 0.2, np.float32)
    mask = np.zeros((300, 300), bool)
    mask[100:200, 50:150] = True
    picture = overlay(image, [Finding("Mass", 0.9, mask)])
    assert picture.shape == (300, 300, 3)
    colour = (picture == color_of("Mass")).all(-1)
    edge = mask.copy()
    edge[101:199, 51:149] = False
    digit = np.zeros_like(edge)
    digit[100:107, 50:55] = True  # 1 is three cells wide and five high, with one around
    assert (colour[edge & ~digit]).all()
    assert not colour[~edge & ~digit].any()
    assert colour[digit].sum() == 8  # 010 110 010 010 111
    assert (picture[~edge & ~digit] == 51).all()


def test_rows_by_hand() -> None:
    mask = np.zeros((5, 6), bool)
    mask[1:3, 2:5] = True
    (row,) = finding_rows([Finding("Effusion", 0.87654, mask, (("heart", 0.5), ("lung", 0.25)))], (2.0, 5.0))
    assert row == {"finding": 1, "class": "Effusion", "score": 0.8765, "x": 2, "y": 1, "width": 3, "height": 2,
                   "area_pixels": 6, "area_cm2": 0.6, "attended": "heart; lung"}  # fmt: skip
    assert finding_rows([Finding("Effusion", 0.5, mask)], None)[0]["area_cm2"] is None
    assert finding_rows([], None) == []


@pytest.mark.parametrize("when", range(4))
def test_a_cancelled_film_leaves_nothing(model: Path, film: Path, tmp_path: Path, when: int) -> None:
    told: list[float] = []
    asked = iter(range(100))
    console = Console(lambda fraction, _: told.append(fraction), lambda: next(asked) >= when)
    words = ["lesions", str(film / "image.png"), "--model", str(model), "-o", str(tmp_path / "a" / "found")]
    if when < 3:
        with pytest.raises(Cancelled):
            execute(*parse_arguments(words), console)
        assert list(tmp_path.iterdir()) == []
    else:
        execute(*parse_arguments(words), console)
        assert told == sorted(told)
        assert (told[0], told[-1]) == (0.0, 1.0)
        assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_second_run_replaces_the_first_and_the_film_is_never_overwritten(
    model: Path, film: Path, run_command: Run, tmp_path: Path
) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "mine.txt").write_text("mine")
    (tmp_path / "f" / "overlay.png").write_bytes((film / "image.png").read_bytes())
    words = ("lesions", tmp_path / "f" / "overlay.png", "--model", model, "-o", tmp_path / "f")
    code, _, said = run_command(*words)
    assert code == 1
    assert "is an input" in said
    assert {file.name for file in (tmp_path / "f").iterdir()} == {"mine.txt", "overlay.png"}
    for threshold in ("0", "1"):
        assert run_command("lesions", film / "image.png", "--model", model, "--threshold", threshold, "-o",
                           tmp_path / "f")[0] == 0  # fmt: skip
    assert json.loads((tmp_path / "f" / "findings.json").read_text())["finding_count"] == 0
    assert (tmp_path / "f" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ([], 2, "suv4 reads a CT and a PET"),
        (["--model", "percist"], 2, "percist reads a CT and a PET"),
        (["--model", "apex-demo"], 2, "apex-demo is none of chest films"),
        (["--model", "dap-demo"], 2, "dap-demo is none of chest films"),
        (["--model", "no-such"], 2, "no model 'no-such'"),
        (["--threshold", "4"], 2, "score from 0 to 1"),
        (["--pixel-mm", "0"], 2, "above 0"),
        (["--device", "tpu"], 2, "tpu"),
        (["--grid", "ct"], 2, "--grid is for a CT"),
        (["--anatomy-model", "dap-demo"], 2, "--anatomy-model is for a CT"),
        (["--csv", "a.csv"], 2, "--csv is for a CT"),
        (["-o", "f.seg.nrrd"], 2, "as a folder"),
    ],
)
def test_wrong_calls_say_so_in_one_line_and_write_nothing(
    more: list[str], code: int, words: str, model: Path, film: Path, run_command: Run, tmp_path: Path
) -> None:
    chosen = [] if "--model" in more or not more else ["--model", model]
    result = run_command("lesions", film / "image.png", "-o", tmp_path / "f", *chosen, *more)
    assert result[0] == code
    assert words in result[2]
    assert len(result[2].strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_film_model_given_a_pet_ct_or_a_ct_is_refused(model: Path, run_command: Run, tmp_path: Path) -> None:
    from made_images import cylinder_body

    write_volume(cylinder_body(), tmp_path / "ct.nii.gz")
    code, _, said = run_command("lesions", tmp_path / "ct.nii.gz", tmp_path / "ct.nii.gz", "--model", model,
                                "-o", tmp_path / "l.nii.gz")  # fmt: skip
    assert (code, said) == (2, "The model films reads a chest film alone; give one film, or another model.\n")
    code, _, said = run_command("lesions", tmp_path / "ct.nii.gz", "--model", model, "-o", tmp_path / "l")
    assert code == 1
    assert said.startswith("ct.nii.gz is a volume")
    code, _, said = run_command("lesions", tmp_path / "ct.nii.gz", tmp_path / "ct.nii.gz", "--pixel-mm", "1",
                                "-o", tmp_path / "l.nii.gz")  # fmt: skip
    assert code == 2
    assert "--pixel-mm is for a chest film" in said
    assert [file.name for file in tmp_path.iterdir()] == ["ct.nii.gz"]


def test_a_film_smaller_than_what_the_model_sees_is_refused(model: Path, run_command: Run, tmp_path: Path) -> None:
    small = write_picture(tmp_path / "small.png", phantom_xray().image[:63, :70].copy())
    code, _, said = run_command("lesions", small, "--model", model, "-o", tmp_path / "f")
    assert code == 1
    assert "63 x 70 pixels" in said


def test_a_film_of_any_shape_has_findings_on_its_own_pixels(model: Path, run_command: Run, tmp_path: Path) -> None:
    image = phantom_xray().image[:, 60:450].copy()
    path = write_picture(tmp_path / "narrow.png", image)
    code, _, said = run_command("lesions", path, "--model", model, "--threshold", "0", "-o", tmp_path / "f")
    assert code == 0, said
    masks = masks_in(tmp_path / "f" / "findings.seg.nrrd")
    assert {mask.shape for mask in masks} == {(512, 390)}
    assert all(mask.any() for mask in masks)
    picture = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "f" / "overlay.png")))
    assert picture.shape == (512, 390, 3)


def test_film_models_are_listed_but_not_among_the_panels_pet_ct_models(
    model: Path, run_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PathologySegLib.finders import lesion_model_names

    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(model.parent))
    assert "films\tfindings of chest films as instances" in run_command("models", "list")[1]
    assert "films" not in lesion_model_names()


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["lesions", "--help"])
    assert "anatomyguided lesions film.png --model my-films -o found/" in capsys.readouterr().out
