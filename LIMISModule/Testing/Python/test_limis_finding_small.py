"""The small finder: its slices, its network, its training, and the model that is bundled."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from AnatomyGuidedLib.cli import Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import read_labelmap, write_volume
from AnatomyGuidedLib.models import find_model
from AnatomyGuidedLib.progress import no_progress
from AnatomyGuidedLib.study_options import read_settings, with_settings
from AnatomyGuidedLib.train_command import TrainingOrder, recipe_file
from LIMISLib.box_finder import AtlasBoxFinder, StructureNotFound
from LIMISLib.finding import training
from LIMISLib.finding.choose import make_finder, parse_finder
from LIMISLib.finding.frames import Frame
from LIMISLib.finding.measuring import unseen_patients
from LIMISLib.finding.organs import ORGANS
from LIMISLib.finding.phantom_slices import PhantomSlices, SliceSettings
from LIMISLib.finding.small_finder import SmallFinder
from LIMISLib.finding.small_model import BUNDLED, read_small_model
from LIMISLib.finding.small_recipe import Measuring, SmallRecipe
from LIMISLib.planes import CORONAL
from LIMISLib.session import Session

torch = pytest.importorskip("torch", reason="torch is not installed")

from LIMISLib.finding.decoding import decoded  # noqa: E402
from LIMISLib.finding.loss import box_loss, generalised_iou  # noqa: E402
from LIMISLib.finding.network import SmallNetwork  # noqa: E402

COARSE = SliceSettings(
    frame=Frame((32, 48), 9.0),
    spacing_mm=10.0,
    bodies_at_once=2,
    slices_per_body=20,
    randomised=0.5,
    seed=3,
    measured_bodies=1,
)
RECIPE = {
    "features": [8, 8, 8, 8],
    "blocks": 1,
    "slices": {
        "frame": {"shape": [32, 48], "pixel_mm": 9.0}, "spacing_mm": 10.0, "bodies_at_once": 2, "slices_per_body": 400,
        "measured_bodies": 1,
    },
    "training": {"steps": 4, "batch": 2, "schedule": "constant", "warm_up_steps": 1, "log_every_steps": 1},
    "measuring": {"bodies": 1, "spacing_mm": 10.0, "step_mm": 60.0, "every_steps": 2},
}  # fmt: skip


def iou(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    return shared / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared)


def edges(box):
    return box.left, box.top, box.right, box.bottom


@pytest.fixture(scope="module")
def source():
    return PhantomSlices(COARSE)


def test_a_number_is_always_the_same_slice_and_another_number_another(source):
    again = PhantomSlices(COARSE)
    again.example(11)
    for number in (0, 9):
        for one, other in zip(source.example(number), again.example(number), strict=True):
            np.testing.assert_array_equal(one, other)
    assert (source.example(0)[0] != source.example(1)[0]).any()


def test_boxes_lie_around_the_organs_with_the_patients_right_at_the_left(source):
    both = 0
    for number in range(24):
        stack, classes = source.slices(number)
        image, boxes = source.example(number)
        assert image.shape == (6, 32, 48)
        assert stack.shape == (3, 32, 48)
        for place, box in enumerate(boxes):
            mask = classes == place
            if mask.sum() >= 3:
                rows, columns = np.nonzero(mask)
                assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        liver, spleen = boxes[ORGANS.index("Liver")], boxes[ORGANS.index("Spleen")]
        if liver[2] and spleen[2]:
            both += 1
            assert liver[0] + liver[2] < spleen[0] + spleen[2]
    assert both >= 2


def test_the_generalised_overlap_is_that_worked_out_by_hand():
    """Two unit squares side by side, one apart: no overlap, hull 3 x 1, of which one is empty. Halves: IoU 1/3."""
    one = torch.tensor([0.0, 0.0, 1.0, 1.0])
    assert generalised_iou(one, one).item() == pytest.approx(1.0)
    assert generalised_iou(one, torch.tensor([2.0, 0.0, 3.0, 1.0])).item() == pytest.approx(-1 / 3)
    assert generalised_iou(one, torch.tensor([0.5, 0.0, 1.5, 1.0])).item() == pytest.approx(1 / 3)
    assert generalised_iou(one, torch.tensor([0.0, 0.0, 1.0, 0.5])).item() == pytest.approx(1 / 2)


def test_an_output_is_read_as_the_box_that_it_says():
    """One class, places 8 pixels wide: the surest is the second of the first row, its middle at (12, 4)."""
    output = torch.full((1, 1, 5, 2, 3), -20.0)
    output[0, 0, :, 0, 1] = torch.tensor([3.0, 1.0, 0.5, 0.25, 1.5])
    chances, boxes = decoded(output)
    assert chances.item() == pytest.approx(1 / (1 + np.exp(-3)))
    np.testing.assert_allclose(boxes[0, 0], [12 - 8, 4 - 4, 12 + 2, 4 + 12], atol=1e-4)


def test_the_network_learns_a_slice_by_heart(source):
    torch.manual_seed(0)
    network = SmallNetwork(features=(16, 16, 32, 32), blocks=1)
    number = next(n for n in range(40) if (source.example(n)[1][:, 2] > 0).sum() >= 3)
    image, boxes = (torch.from_numpy(array)[None] for array in source.example(number))
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(120):
        optimizer.zero_grad()
        loss = box_loss(network(image), boxes)
        loss.backward()
        optimizer.step()
    chances, found = decoded(network(image).detach())
    for place, box in enumerate(boxes[0].tolist()):
        if box[2]:
            assert chances[0, place] > 0.5
            assert iou(found[0, place], box) > 0.7
        else:
            assert chances[0, place] < 0.3


def test_a_slice_without_organs_teaches_that_there_is_nothing():
    network = SmallNetwork(features=(8, 8, 8, 8), blocks=1)
    loss = box_loss(network(torch.zeros(1, 6, 32, 48)), torch.zeros(1, 11, 4, dtype=torch.int64))
    assert torch.isfinite(loss)
    loss.backward()
    assert network.heat[-1].bias.grad.abs().sum() > 0


def trained(run_command, folder, settings, *options):
    path = folder.parent / f"{folder.name}.json"
    path.write_text(json.dumps(settings))
    return run_command("train", "lang2box", "--config", path, "-o", folder, *options)


def weights_of(folder):
    return json.loads((folder / "model.json").read_text())["files"]["weights.safetensors"]


def test_a_resumed_training_ends_in_the_same_weights_and_has_a_curve(run_command, tmp_path):
    assert trained(run_command, tmp_path / "whole", RECIPE)[0] == 0
    asked = iter(range(10**6))
    with pytest.raises(Cancelled):
        training.run(
            TrainingOrder(RECIPE, tmp_path, tmp_path / "parts"), Console(no_progress, lambda: next(asked) == 2)
        )
    code, _, err = trained(run_command, tmp_path / "parts", RECIPE)
    assert (code, "is not empty" in err) == (2, True)
    longer = RECIPE | {"training": RECIPE["training"] | {"steps": 6}}
    code, _, err = trained(run_command, tmp_path / "parts", longer, "--resume")
    assert (code, "begun with training.steps 4, but now training.steps is 6" in err) == (2, True)
    assert trained(run_command, tmp_path / "parts", RECIPE, "--resume")[0] == 0
    assert weights_of(tmp_path / "parts") == weights_of(tmp_path / "whole")
    curves = [(tmp_path / name / "training" / "curve.jsonl").read_text() for name in ("whole", "parts")]
    assert curves[0] == curves[1]
    rows = [json.loads(line) for line in curves[0].splitlines()]
    assert [row["step"] for row in rows] == [2, 4]
    assert all(set(row) == {"step", "mAP", "mAP50", "mAP75"} for row in rows)
    log = [json.loads(line) for line in (tmp_path / "whole" / "training" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [1, 2, 3, 4]


def test_recipes_that_cannot_be_are_refused():
    for wrong in ({"features": (8, 8, 8)}, {"features": (8, 8, 8, 9)}, {"blocks": 0}):
        with pytest.raises(UsageError, match="The setting"):
            SmallRecipe(**wrong)
    with pytest.raises(UsageError, match="multiples of 16"):
        SmallRecipe(slices=SliceSettings(frame=Frame((30, 48), 9.0)))
    with pytest.raises(UsageError, match="every_steps"):
        Measuring(every_steps=0)


def test_a_damaged_or_other_model_is_refused(tmp_path):
    image = Volume(np.zeros((4, 4, 2), np.float32), Grid((4, 4, 2), np.eye(4)), "HU")
    with pytest.raises(AnatomyGuidedError, match="There is no model 'nothing'"):
        SmallFinder(image, "nothing").find("Liver")
    with pytest.raises(AnatomyGuidedError, match="The model dap-demo finds no boxes"):
        SmallFinder(image, "dap-demo").find("Liver")
    copy = tmp_path / "copy"
    shutil.copytree(find_model(BUNDLED).folder, copy)
    card = json.loads((copy / "model.json").read_text())
    card["network"]["features"][0] += 8
    (copy / "model.json").write_text(json.dumps(card))
    with pytest.raises(AnatomyGuidedError, match="The model copy is damaged"):
        SmallFinder(image, str(copy)).find("Liver")
    (copy / "weights.safetensors").write_bytes(b"0")
    with pytest.raises(AnatomyGuidedError, match=r"The model copy is damaged \(weights\.safetensors\)"):
        SmallFinder(image, str(copy)).find("Liver")


def test_the_bundled_model_is_small_and_says_what_it_is():
    model = find_model(BUNDLED)
    assert sum((model.folder / name).stat().st_size for name in model.files) <= 4_000_000
    assert "made patients only" in json.loads((model.folder / "model.json").read_text())["training"]
    recipe = json.loads((model.folder / "recipe.json").read_text())
    committed = with_settings(SmallRecipe(), read_settings(recipe_file("lang2box-demo")))
    assert with_settings(SmallRecipe(), recipe) == committed
    assert tuple(recipe["features"]) == tuple(
        json.loads((model.folder / "model.json").read_text())["network"]["features"]
    )


@pytest.fixture(scope="module")
def unseen():
    """The trunk of a made patient at 4 mm that no training and no learning curve saw."""
    image, anatomy = next(iter(unseen_patients(1, 77_000, spacing_mm=4.0)))
    trunk = slice(44, 150)
    affine = image.grid.affine.copy()
    affine[:3, 3] = image.grid.ras_from_ijk((0, 0, trunk.start))
    grid = Grid((*image.grid.shape[:2], trunk.stop - trunk.start), affine)
    return Volume(image.values[:, :, trunk], grid, "HU"), Labelmap(anatomy.values[:, :, trunk], grid)


def test_the_bundled_model_finds_organs_of_an_unseen_made_patient_and_is_sure(unseen):
    image, anatomy = unseen
    finder, atlas = SmallFinder(image), AtlasBoxFinder(anatomy)
    overlaps = []
    for name in ("Liver", "Spleen", "Kidney Left", "Kidney Right", "Stomach", "Colon", "Bladder"):
        found = finder.find(name)
        assert found.finder == "lang2box-demo (a demonstration model)"
        assert found.confidence >= 0.5
        overlaps.append(iou(edges(found.box), edges(atlas.find(name, found.slice_number).box)))
    assert np.mean(overlaps) > 0.6
    assert min(overlaps) > 0.3


def test_the_bundled_model_finds_the_same_boxes_however_the_axes_are_stored(unseen):
    image, _ = unseen
    affine, values = image.grid.affine, image.values
    turned = np.ascontiguousarray(values.transpose(2, 0, 1)[:, ::-1])
    other = affine[:, [2, 0, 1, 3]].copy()
    other[:3, 3] += other[:3, 1] * (turned.shape[1] - 1)
    other[:3, 1] *= -1
    again = SmallFinder(Volume(turned, Grid(turned.shape, other), "HU"))
    for name in ("Liver", "Kidney Left"):
        one, two = SmallFinder(image).find(name), again.find(name)
        assert (one.slice_number, one.box) == (two.slice_number, two.box)


def test_a_structure_it_does_not_know_or_that_is_not_shown_is_refused(unseen):
    image, _ = unseen
    finder = SmallFinder(image)
    with pytest.raises(StructureNotFound, match=r"knows Esophagus, .*, but not Heart"):
        finder.find("Heart")
    with pytest.raises(StructureNotFound, match="finds no Liver in slice 2 that it is sure of"):
        finder.find("Liver", 2)


def test_an_atlas_model_finds_whatever_it_names_and_says_who_it_is(unseen):
    image, anatomy = unseen
    finder, atlas = make_finder(parse_finder("model:dap-demo"), image), AtlasBoxFinder(anatomy)
    for name in ("Liver", "Sacrum"):
        found = finder.find(name)
        assert iou(edges(found.box), edges(atlas.find(name, found.slice_number).box)) > 0.6
        assert found.remark == "The box is from the atlas model dap-demo; check it."
    coronal = AtlasBoxFinder(anatomy, plane=CORONAL).find("Liver")
    session = Session(image, finder=finder, plane=CORONAL)
    assert session.say("segment the liver").done
    assert iou(edges(session.current.box), edges(coronal.box)) > 0.5
    with pytest.raises(
        AnatomyGuidedError, match=r"lang2box-demo.* in axial slices only; give an anatomy .* coronal plane"
    ):
        Session(image, finder=SmallFinder(image), plane=CORONAL)
    with pytest.raises(UsageError, match="There is no model 'nothing'"):
        make_finder(parse_finder("model:nothing"), image)
    with pytest.raises(AnatomyGuidedError, match="lang2box-demo"):
        make_finder(parse_finder("model:lang2box-demo"), image).find("Liver")


@pytest.fixture(scope="module")
def stored_ct(unseen, tmp_path_factory):
    path = tmp_path_factory.mktemp("ct") / "ct.nii.gz"
    write_volume(unseen[0], path)
    return path


def test_without_an_anatomy_the_command_finds_by_the_bundled_model_and_says_so(run_command, stored_ct):
    place = stored_ct.parent
    call = ("limis", stored_ct, "--say", "segment the liver", "-o", place / "liver.nii.gz", "--log", place / "s.jsonl")
    code, out, err = run_command(*call, "--json", place / "r.json")
    assert (code, out) == (0, "")
    assert "a demonstration model trained on made patients alone" in err
    assert "The box is from lang2box-demo (a demonstration model)" in err
    assert " % sure; check it." in err
    result = json.loads((place / "r.json").read_text())
    assert (result["finder"], result["structure"]) == ("small", "Liver")
    code, _, err = run_command("limis", "replay", place / "s.jsonl", "-o", place / "again.nii.gz")
    assert (code, err) == (0, "")
    first, again = (read_labelmap(place / name).values for name in ("liver.nii.gz", "again.nii.gz"))
    assert first.any()
    assert np.array_equal(first, again)


def test_a_log_remembers_the_finder_that_was_asked_for(run_command, stored_ct):
    place = stored_ct.parent
    call = ("limis", stored_ct, "--say", "segment the spleen", "-o", place / "s.nii.gz", "--log", place / "small.jsonl")
    assert run_command(*call, "--finder", "small")[0] == 0
    log = (place / "small.jsonl").read_text()
    assert json.loads(log.splitlines()[0])["finder"] == "small"
    (place / "other.jsonl").write_text(log.replace('"finder": "small"', '"finder": "crystal-ball"'))
    code, _, err = run_command("limis", "replay", place / "other.jsonl", "-o", place / "o.nii.gz")
    assert (code, "There is no finder 'crystal-ball'" in err) == (1, True)


def test_a_finder_of_a_folder_is_logged_from_the_logs_folder_and_moves_with_it(run_command, stored_ct, tmp_path):
    shutil.copytree(find_model(BUNDLED).folder, tmp_path / "one" / "finder")
    shutil.copy(stored_ct, tmp_path / "one" / "ct.nii.gz")
    said = ("--finder", f"small:{tmp_path / 'one' / 'finder'}", "--say", "segment the liver")
    outputs = ("-o", tmp_path / "one" / "a.nii.gz", "--log", tmp_path / "one" / "s.jsonl")
    assert run_command("limis", tmp_path / "one" / "ct.nii.gz", *said, *outputs)[0] == 0
    assert json.loads((tmp_path / "one" / "s.jsonl").read_text().splitlines()[0])["finder"] == "small:finder"
    (tmp_path / "one").rename(tmp_path / "two")
    code, _, err = run_command("limis", "replay", tmp_path / "two" / "s.jsonl", "-o", tmp_path / "b.nii.gz")
    assert (code, err) == (0, "")
    first, again = (read_labelmap(tmp_path / name).values for name in ("two/a.nii.gz", "b.nii.gz"))
    assert np.array_equal(first, again)


def test_a_wrong_finder_is_a_wrong_call(run_command, stored_ct):
    place = stored_ct.parent
    call = ("limis", stored_ct, "--say", "segment the liver", "-o", place / "x.nii.gz", "--log", place / "x.jsonl")
    for finder, words in (("atlas", "give one with --anatomy"), ("magic", "There is no finder 'magic'")):
        code, _, err = run_command(*call, "--finder", finder)
        assert (code, words in err) == (2, True)
    code, _, err = run_command(*call, "--finder", f"grounding-dino:{place / 'nowhere'}")
    assert (code, "There is no folder nowhere with a Grounding DINO" in err) == (1, True)
    assert not (place / "x.nii.gz").exists()


@pytest.mark.parametrize(
    "place",
    [
        ("inputs", 0, "low_hu"),
        ("inputs", 0, "deviation_hu"),
        ("frame", "shape"),
        ("frame", "shape", 0),
        ("frame", "pixel_mm"),
        ("frame", "beyond_mm"),
        ("network", "features"),
        ("network", "features", 1),
        ("network", "blocks"),
        ("structures", 0, "largest_mm"),
        ("structures",),
        ("weights",),
        ("version",),
    ],
)
@pytest.mark.parametrize("value", [None, "x", [], {"a": 1}, [0, 0], -1.0, float("nan")])
def test_a_damaged_card_is_one_sentence(tmp_path, place, value):
    shutil.copytree(find_model("lang2box-demo").folder, tmp_path / "model")
    card = json.loads((tmp_path / "model" / "model.json").read_text())
    entry = card
    for step in place[:-1]:
        entry = entry[step]
    entry[place[-1]] = value
    (tmp_path / "model" / "model.json").write_text(json.dumps(card))
    harmless = place in (("version",), ("inputs", 0, "low_hu")) and value == -1.0
    harmless |= place == ("version",) and value != value
    if harmless:
        read_small_model(str(tmp_path / "model"))
        return
    with pytest.raises(AnatomyGuidedError, match=r"is damaged|finds no boxes"):
        read_small_model(str(tmp_path / "model"))
