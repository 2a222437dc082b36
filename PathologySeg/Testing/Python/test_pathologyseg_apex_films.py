"""Chest films: anatomy's classes, films as files, instances from queries, and AP worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.labels import structures
from AnatomyGuidedLib.phantom.xray_files import run_lengths
from AnatomyGuidedLib.phantom.xray_findings import CATEGORIES
from AnatomyGuidedLib.study_options import with_settings
from PathologySegLib.apex.film import Film, read_film, shrunk
from PathologySegLib.apex.film_source import FilmSource, layers_of
from PathologySegLib.apex.paxray import SMALL, film_classes, paxray_classes
from PathologySegLib.apex.recipe import ApexRecipe
from PathologySegLib.apex.stray import Augmentation

torch = pytest.importorskip("torch", reason="torch is not installed")

from PathologySegLib.apex.decoding import Queries  # noqa: E402
from PathologySegLib.apex.instances import Instance, instances_of  # noqa: E402

Run = Callable[..., tuple[int, str, str]]


def test_paxrays_159_classes_are_numbered_and_made_of_dap_structures() -> None:
    classes = paxray_classes()
    assert [one.index for one in classes] == list(range(159))
    known = {label.name for label in structures()}
    assert {part for one in classes for part in one.dap_names} <= known
    by_name = {one.name: one.dap_names for one in classes}
    assert by_name["posterior 12th rib left"] == ("Costa 1 Left",)  # DAP numbers ribs from the abdomen up
    assert set(by_name["lung"]) == set(by_name["right lung"]) | set(by_name["left lung"])
    assert set(SMALL) <= set(film_classes("projected")) < set(film_classes("paxray"))
    with pytest.raises(UsageError, match="small"):
        film_classes("some")


def film(findings: tuple = ()) -> Film:
    image = np.arange(64, dtype=np.float32).reshape(8, 8)
    heart = np.zeros((8, 8), bool)
    heart[2:4, 2:6] = True
    return Film("f", image, {"heart": heart}, findings)


def test_a_smaller_film_has_means_and_masks_that_never_vanish() -> None:
    tiny, most = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
    tiny[0, 0] = True
    most[0:2, 0:2], most[0, 2] = True, True
    small = shrunk(film(((3, tiny), (5, most))), 4)
    assert small.image[0, 0] == (0 + 1 + 8 + 9) / 4
    assert np.argwhere(small.anatomy["heart"]).tolist() == [[1, 1], [1, 2]]
    assert [np.argwhere(mask).tolist() for _, mask in small.findings] == [[[0, 0]], [[0, 0]]]
    with pytest.raises(AnatomyGuidedError, match="multiple of 3"):
        shrunk(film(), 3)


def test_overlapping_masks_have_layers_of_their_own() -> None:
    mask = np.ones((8, 8), bool)
    layers = layers_of(film(((0, mask), (12, mask))), ["lung", "heart"], 3)
    assert layers.shape == (2 + 3, 8, 8)
    assert layers[0].max() == 0
    assert np.unique(layers[1]).tolist() == [0, 2]
    assert layers[2].min() == 1
    assert layers[3].min() == 13
    source = FilmSource([film(((0, mask),))], ["heart"], Augmentation())
    first, again = source.example(4), source.example(4)
    np.testing.assert_array_equal(first[0], again[0])
    assert first[0].shape == (3, 8, 8)
    assert set(np.unique(first[1])) <= {0, 1}


def test_every_finding_of_a_film_is_learned_however_many_there_are() -> None:
    masks = [np.eye(8, dtype=bool)[:, [place] * 8] for place in range(8)] * 2
    many, one = film(tuple((number % 13, mask) for number, mask in enumerate(masks))), film(((4, masks[0]),))
    still = Augmentation(shift_pixels=0.0, turn=0.0, scale=0.0)
    source = FilmSource([one, many], ["heart"], still)
    found = [source.example(number)[1] for number in range(12)]
    assert {layers.shape for layers in found} == {(1 + 16, 8, 8)}  # so that films can share a batch
    shown = {tuple(sorted(int(layer.max()) for layer in layers[1:] if layer.any())) for layers in found}
    assert shown == {(5,), tuple(sorted(number % 13 + 1 for number in range(16)))}
    with pytest.raises(ValueError, match="16 findings"):
        layers_of(many, ["heart"], 8)


def test_a_film_in_files_comes_back_and_takes_another_models_anatomy(tmp_path: Path, run_command: Run) -> None:
    assert run_command("phantom", tmp_path / "p", "--spacing", "10", "--xray")[0] == 0
    found = read_film(tmp_path / "p" / "xray", film_classes("projected"))
    assert found.image.shape == (512, 512)
    assert 0 <= found.image.min() < found.image.max() <= 1
    told = json.loads((tmp_path / "p" / "case.json").read_text())
    assert [CATEGORIES[category] for category, _ in found.findings] == told["xray"]["findings"]
    lobes = [found.anatomy[f"lung {lobe} lobe right"] for lobe in ("lower", "middle", "upper")]
    np.testing.assert_array_equal(found.anatomy["right lung"], np.logical_or.reduce(lobes))

    mask = np.zeros((512, 512), bool)
    mask[:9] = True
    theirs = {"categories": [{"id": 5, "name": "heart"}, {"id": 6, "name": "mid zone lung"}],
              "annotations": [{"category_id": i, "segmentation": run_lengths(mask)} for i in (5, 6)]}  # fmt: skip
    (tmp_path / "p" / "xray" / "anatomy.json").write_text(json.dumps(theirs))
    again = read_film(tmp_path / "p" / "xray", ["heart", "mid zone lung", "lung"])
    assert {name: int(own.sum()) for name, own in again.anatomy.items()} == {"heart": 9 * 512, "mid zone lung": 9 * 512}
    (tmp_path / "p" / "xray" / "instances.json").write_text("{}")
    with pytest.raises(AnatomyGuidedError, match="COCO"):
        read_film(tmp_path / "p" / "xray", ["heart"])


def test_chestx_dets_own_layout_and_folders_of_films_are_read(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools", reason="pycocotools is not installed")
    import SimpleITK
    from PathologySegLib.apex.film_sets import films_of

    (tmp_path / "images").mkdir()
    (tmp_path / "anatomy").mkdir()
    for name in ("36199_000", "36199_004", "40001_001"):
        picture = SimpleITK.GetImageFromArray(np.full((64, 64), 51, np.uint8))
        SimpleITK.WriteImage(picture, str(tmp_path / "images" / f"{name}.png"))
    heart = {"categories": [{"id": 1, "name": "heart"}],
             "annotations": [{"category_id": 1, "segmentation": run_lengths(np.ones((64, 64), bool))}]}  # fmt: skip
    (tmp_path / "anatomy" / "36199_004.json").write_text(json.dumps(heart))
    square = [[8, 16], [24, 16], [24, 40], [8, 40]]
    rows = [
        {"file_name": "36199_000.png", "syms": ["Mass"], "polygons": [square], "boxes": [[8, 16, 24, 40]]},
        {"file_name": "36199_004.png", "syms": ["Effusion", "Nodule"], "polygons": [square, square]},
        {"file_name": "40001_001.png", "syms": [], "polygons": []},
    ]
    (tmp_path / "train.json").write_text(json.dumps(rows))
    patients = films_of(tmp_path / "train.json", ["heart"], 8)
    assert [[film.name for film in films] for films in patients] == [["36199_000", "36199_004"]]
    first, second = patients[0]
    assert first.image[0, 0] == pytest.approx(0.2)
    assert first.findings[0][0] == CATEGORIES.index("Mass")
    assert np.argwhere(first.findings[0][1]).tolist() == [[i, j] for i in (2, 3, 4) for j in (1, 2)]
    assert (len(first.anatomy), second.anatomy["heart"].all()) == (0, True)
    (tmp_path / "bad.json").write_text('[{"file_name": "a.png", "syms": ["Mass"], "polygons": []}]')
    with pytest.raises(AnatomyGuidedError, match=r"a\.png is not"):
        films_of(tmp_path / "bad.json", ["heart"], 8)
    (tmp_path / "bad.json").write_text('[{"syms": ["Mass"]}]')
    with pytest.raises(AnatomyGuidedError, match="polygons"):
        films_of(tmp_path / "bad.json", ["heart"], 8)
    with pytest.raises(AnatomyGuidedError, match="no film"):
        films_of(tmp_path / "images", ["heart"], 8)


def test_films_in_a_folder_of_folders_stay_with_their_patient(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools", reason="pycocotools is not installed")
    import SimpleITK
    from PathologySegLib.apex.film_sets import films_of

    masses = {"categories": [{"id": 1, "name": "Mass"}],
              "annotations": [{"category_id": 1, "segmentation": run_lengths(np.ones((64, 64), bool))}]}  # fmt: skip
    for place in ("Eve/monday", "Eve/friday", "Bob/monday", "Eve_2"):
        (tmp_path / place).mkdir(parents=True)
        SimpleITK.WriteImage(
            SimpleITK.GetImageFromArray(np.full((64, 64), 51, np.uint8)), str(tmp_path / place / "image.png")
        )
        (tmp_path / place / "instances.json").write_text(json.dumps(masses))
    patients = films_of(tmp_path, ["heart"], 8)
    assert [[film.name for film in films] for films in patients] == [
        ["Bob_monday"], ["Eve_friday", "Eve_monday"], ["Eve_2"]
    ]  # fmt: skip


def test_films_without_anatomy_are_refused_for_arms_that_learn_it(tmp_path: Path, run_command: Run) -> None:
    """The baseline learns findings alone, and needs none; nobody trains a mixer on films of nobody's anatomy."""
    pytest.importorskip("pycocotools", reason="pycocotools is not installed")
    import SimpleITK

    square, rows = [[8, 16], [24, 16], [24, 40], [8, 40]], []
    for number in range(4):
        picture = SimpleITK.GetImageFromArray(np.full((64, 64), 51, np.uint8))
        SimpleITK.WriteImage(picture, str(tmp_path / f"{number}_000.png"))
        rows.append({"file_name": f"{number}_000.png", "syms": ["Mass"], "polygons": [square]})
    (tmp_path / "train.json").write_text(json.dumps(rows))
    small = {"stem": 4, "embedding": 8, "features": [8, 8, 8, 8], "depths": [1, 1, 1, 1], "hidden": 32, "heads": 2,
             "queries": 4, "layers": 1, "pixel_layers": 1, "feedforward": 16, "pixel_feedforward": 16}  # fmt: skip
    recipe = {"domain": "xray", "data": "train.json", "film_anatomy": "small", "folds": 2, "films": {"pixels": 64},
              "shape": small, "training": {"steps": 1, "batch": 2}}  # fmt: skip
    for arm, expected in (("cross-attention", 1), ("pretrain", 1), ("baseline", 0)):
        (tmp_path / "config.json").write_text(json.dumps({**recipe, "arm": arm}))
        code, _, said = run_command("train", "apex", "--config", tmp_path / "config.json", "-o", tmp_path / arm)
        assert code == expected, said
        if expected:
            assert "4 of 4 films of train.json have no anatomy" in said
            assert f"{tmp_path.name}/anatomy/0_000.json" in said


def test_instances_are_pairs_of_query_and_category_the_surest_first() -> None:
    classes = torch.log(torch.tensor([[[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]]))
    masks = torch.full((1, 2, 4, 4), -100.0)
    masks[0, 0, :2] = 100.0  # the second query's mask is empty
    found = instances_of(Queries(classes, masks), (4, 4))[0]
    assert [(one.category, round(one.score, 4)) for one in found] == [(0, 0.7), (1, 0.2)]
    assert found[0].mask.sum() == 8
    assert len(instances_of(Queries(classes, masks), (4, 4), most=1)[0]) == 1


def row(first: int, last: int, width: int = 100) -> np.ndarray:
    mask = np.zeros((1, width), bool)
    mask[0, first:last] = True
    return mask


def test_average_precision_by_hand() -> None:
    """Category 0: two references. Found first: one exactly; then a stray one; then the other with an IoU of 0.8.

    At IoU 0.5 to 0.8 (7 of 10 thresholds; 0.8 itself included) the order hit, miss, hit has precision 1 up to recall
    0.5 and 2/3 from there to 1: of COCO's 101 recalls 51 and 50, so (51 + 50 x 2/3) / 101. At 0.85 to 0.95 only the
    first hits: 51 / 101. Category 4: never found, 0. Category 7: found where none is; not counted.
    """
    pytest.importorskip("pycocotools", reason="pycocotools is not installed")
    from PathologySegLib.apex.average_precision import average_precisions, mean_average_precision

    references = [[(0, row(0, 10)), (4, row(50, 60))], [(0, row(20, 30))]]
    predictions = [[Instance(0, 0.9, row(0, 10)), Instance(0, 0.8, row(70, 80)), Instance(7, 0.9, row(0, 10))],
                   [Instance(0, 0.7, row(20, 28))]]  # fmt: skip
    found = average_precisions(references, predictions, 13)
    expected = 0.7 * (51 + 50 * 2 / 3) / 101 + 0.3 * 51 / 101
    assert found == {0: pytest.approx(expected, abs=1e-6), 4: 0.0}
    assert mean_average_precision(found) == pytest.approx(expected / 2, abs=1e-6)
    assert average_precisions(references, [[], []], 13) == {0: 0.0, 4: 0.0}
    perfect = [[Instance(c, 0.5, mask) for c, mask in own] for own in references]
    assert average_precisions(references, perfect, 13) == {0: pytest.approx(1.0), 4: pytest.approx(1.0)}
    with pytest.raises(ValueError, match="2 images"):
        average_precisions(references, [[]], 13)


def test_arms_that_need_one_label_a_pixel_are_refused_for_films() -> None:
    for arm in ("multitask-1", "anatomy-input", "unet"):
        with pytest.raises(UsageError, match="instances"):
            with_settings(ApexRecipe(), {"domain": "xray", "arm": arm})
    with pytest.raises(UsageError, match="petct or xray"):
        with_settings(ApexRecipe(), {"domain": "mri"})


def test_train_apex_on_films_tells_ap_by_category(tmp_path: Path, run_command: Run) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("pycocotools", reason="pycocotools is not installed")
    shape = {"stem": 4, "embedding": 8, "features": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "block": "basic",
             "hidden": 32, "heads": 4, "queries": 20, "layers": 1, "pixel_layers": 1, "feedforward": 16,
             "pixel_feedforward": 16}  # fmt: skip
    settings = {
        "domain": "xray", "film_anatomy": "small", "shape": shape, "folds": 2,
        "films": {"bodies": 2, "test": 1, "films": 1, "spacing_mm": 10.0, "pixels": 64},
        "training": {"steps": 2, "batch": 1, "warm_up_steps": 1},
    }  # fmt: skip
    (tmp_path / "r.json").write_text(json.dumps(settings))
    code, out, said = run_command("train", "apex", "--config", tmp_path / "r.json", "-o", tmp_path / "m")
    assert code == 0, said
    assert "test of 1 bodies: map" in out
    card = json.loads((tmp_path / "m" / "model.json").read_text())
    assert set(card["results"]["test"]) - {"bodies", "map"} <= set(CATEGORIES)
    from PathologySegLib.apex.model_folder import read_apex

    assert read_apex(tmp_path / "m").recipe.films.pixels == 64
    code, _, said = run_command("lesions", tmp_path / "m", tmp_path / "m", "--model", tmp_path / "m",
                                "-o", tmp_path / "l.nii.gz")  # fmt: skip
    assert code != 0
