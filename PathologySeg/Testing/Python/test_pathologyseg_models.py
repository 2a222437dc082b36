"""Lesion models through the command: one of ours and an nnU-Net v2 folder, each against its network called by hand."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import read_labelmap, write_labelmap, write_volume
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.models import find_model
from AnatomyGuidedLib.predictors.normalisation import Normalisation
from AnatomyGuidedLib.predictors.predictor import Labels
from made_images import grid
from PathologySegLib.finder import Found
from PathologySegLib.model_channels import lesion_values, require_order, resolved_channels
from PathologySegLib.model_lesions import find_lesions_by_model
from PathologySegLib.parameters import ModelChoice
from PathologySegLib.petct.anatomy_channels import channel_named
from PathologySegLib.petct.inputs import channel_names, network_input, on_one_grid
from PathologySegLib.petct.presets import APEX, GRASP, preset_named

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("monai", reason="monai is not installed")

from AnatomyGuidedLib.inference.windows import Window  # noqa: E402
from AnatomyGuidedLib.networks.build import build_network  # noqa: E402
from AnatomyGuidedLib.predictors.card import read_predictor  # noqa: E402
from PathologySegLib.finders import lesion_model_names, read_finder  # noqa: E402
from PathologySegLib.network_finder import lesion_preparation, write_lesion_model  # noqa: E402

PET_GRID = grid((24, 20, 16), (4.0, 4.0, 4.0), origin_ras=(-50.0, -40.0, -32.0))
CT_GRID = grid((48, 40, 32), (2.0, 2.0, 2.0), origin_ras=(-51.0, -41.0, -33.0))
HOT = ((5, 6, 4), (9, 10, 8))
SIDES = (24, 24, 16)


def segresnet(channels: int) -> dict[str, object]:
    return {
        "architecture": "SegResNet",
        "arguments": {
            "spatial_dims": 3, "init_filters": 4, "in_channels": channels, "out_channels": 2,
            "blocks_down": [1, 1], "blocks_up": [1], "norm": ["instance", {}],
        },
    }  # fmt: skip


def made_study() -> tuple[Volume, Volume, Labelmap]:
    rng = np.random.default_rng(7)
    ct = np.full(CT_GRID.shape, -1000.0, np.float32)
    ct[4:44, 4:36, 2:30] = rng.normal(40, 10, (40, 32, 28))
    ct[4:44, 4:8, 2:30] = -100.0
    suv = rng.uniform(0.3, 1.2, PET_GRID.shape).astype(np.float32)
    suv[tuple(slice(a, b) for a, b in zip(*HOT, strict=True))] = 9.0
    suv[15:18, 10:13, 9:12] = 7.0
    ids = np.zeros(CT_GRID.shape, np.uint8)
    ids[4:44, 4:36, 2:30] = id_of("Muscles")
    ids[6:22, 8:24, 4:20] = id_of("Liver")
    return Volume(ct, CT_GRID, "HU"), Volume(suv, PET_GRID, "SUV"), Labelmap(ids, CT_GRID)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    ct, pet, anatomy = made_study()
    write_volume(ct, folder / "ct.nii.gz")
    write_volume(pet, folder / "pet.nii.gz")
    write_labelmap(anatomy, folder / "anatomy.nii.gz")
    return folder


def trained(channels: np.ndarray, target: np.ndarray) -> torch.nn.Module:
    """A tiny SegResNet that has learned one patch by heart."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = build_network(segresnet(len(channels)))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    image, wanted = torch.from_numpy(padded(channels))[None], torch.from_numpy(padded(target[None]).astype(np.int64))
    rare = torch.tensor([1.0, 20.0])
    for _ in range(40):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(image), wanted, rare).backward()
        optimizer.step()
    return network.eval()


def padded(channels: np.ndarray) -> np.ndarray:
    """As large as one window: what is missing is 0, as the card says."""
    return np.pad(channels, [(0, 0), (0, 0), (2, 2), (0, 0)])


def put(folder: Path, network: torch.nn.Module, preset, anatomy: str, **about: object) -> Path:
    write_lesion_model(
        folder,
        [network],
        network=segresnet(len(channel_names(preset, anatomy))),
        window=Window(SIDES, padding="zero"),
        preparation=lesion_preparation(preset, anatomy, (4.0, 4.0, 4.0)),
        preset=preset,
        anatomy=anatomy,
        licence="none; made by a test",
        **about,
    )
    return folder


@pytest.mark.parametrize(("preset", "anatomy"), [(GRASP, "scalar"), (GRASP, "none"), (APEX, "none"), (GRASP, "groups")])
def test_a_model_of_ours_gives_what_its_network_says_of_the_channels(study, run_command, tmp_path, preset, anatomy):
    ct, pet, ids = made_study()
    channels = network_input(on_one_grid(ct, pet, ids), preset, anatomy=anatomy).channels
    network = trained(channels, pet.values > 4)
    folder = put(tmp_path / "model", network, preset, anatomy)
    with torch.inference_mode():
        expected = network(torch.from_numpy(padded(channels))[None])[0].argmax(0).numpy()[:, 2:-2] > 0
    assert expected[6, 7, 5]  # it did learn something
    words = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", folder, "-o", tmp_path / "l.nii.gz"]
    report = tmp_path / "r.json"
    code, out, err = run_command(*words, "--anatomy", study / "anatomy.nii.gz@dap", "--json", report)
    assert code == 0, err
    found = read_labelmap(tmp_path / "l.nii.gz")
    assert np.array_equal(found.values > 0, expected)
    told = json.loads(report.read_text())
    assert told["reading"]["name"] == "model"
    assert told["lesions"][0]["structure"] == "Liver"
    assert told["anatomy"] == "given"
    assert "total metabolic tumour volume" in out


def test_a_model_without_the_anatomy_that_it_needs_predicts_it(study, run_command, tmp_path):
    network = build_network(segresnet(3))
    folder = put(tmp_path / "model", network, GRASP, "scalar")
    report = tmp_path / "r.json"
    words = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", folder, "-o", tmp_path / "l.nii.gz"]
    code, _, err = run_command(*words, "--json", report)
    assert code == 0, err
    assert "dap-demo predicts it from the CT" in err
    assert json.loads(report.read_text())["anatomy"] == "predicted by dap-demo"


def test_the_atlas_that_a_card_names_predicts_the_anatomy_as_it_did_in_training(
    study, run_command, tmp_path, monkeypatch
):
    """The channel holds the atlas model's own labels: the result is that of its label map given as --anatomy."""
    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(tmp_path))
    shutil.copytree(find_model("dap-demo").folder, tmp_path / "my-atlas")
    ct, pet, _ = made_study()
    ids, _ = read_predictor(tmp_path / "my-atlas").labelmap([ct], device="cpu")
    write_labelmap(ids, tmp_path / "ids.nii.gz")
    channels = network_input(on_one_grid(ct, pet, ids), GRASP, anatomy="scalar").channels
    network = trained(channels, pet.values > 4)
    folder = put(tmp_path / "model", network, GRASP, "scalar", atlas="my-atlas")
    words = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", folder, "--device", "cpu"]
    code, _, err = run_command(*words, "-o", tmp_path / "predicted.nii.gz", "--json", tmp_path / "r.json")
    assert code == 0, err
    assert "my-atlas predicts it from the CT." in err
    assert json.loads((tmp_path / "r.json").read_text())["anatomy"] == "predicted by my-atlas"
    assert run_command(*words, "-o", tmp_path / "given.nii.gz", "--anatomy", f"{tmp_path / 'ids.nii.gz'}@dap")[0] == 0
    found = [read_labelmap(tmp_path / f"{name}.nii.gz").values for name in ("predicted", "given")]
    assert found[0].any()
    assert np.array_equal(*found)


def test_a_study_may_come_together_on_the_cts_grid(study, run_command, tmp_path):
    ct, pet, _ = made_study()
    channels = network_input(on_one_grid(ct, pet), GRASP).channels
    folder = put(tmp_path / "model", trained(channels, pet.values > 4), GRASP, "none", onto="ct")
    words = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", folder, "-o", tmp_path / "l.nii.gz"]
    assert run_command(*words)[0] == 0
    found = read_labelmap(tmp_path / "l.nii.gz")
    assert found.grid.shape == PET_GRID.shape
    assert found.values[6, 7, 5] == 1


def test_one_segment_for_all_holds_what_the_lesions_hold(study, run_command, tmp_path):
    words = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "-o"]
    assert run_command(*words, tmp_path / "each.nii.gz")[0] == 0
    assert run_command(*words, tmp_path / "one.nii.gz", "--segments", "one")[0] == 0
    each, one = (read_labelmap(tmp_path / f"{name}.nii.gz").values for name in ("each", "one"))
    assert each.max() == 2
    assert one.max() == 1
    assert np.array_equal(each > 0, one > 0)


def nnunet_folder(tmp_path: Path, names=("CT", "PET"), labels=None, order=(0, 1)) -> Path:
    made = pytest.importorskip("nnunet_folders", reason="nnunetv2 is not installed")
    network = made.architecture(3, (8, 12, 16), [1, [2, 2, 2], [2, 2, 2]], [[3, 3, 3]] * 3)
    entry = made.configuration((16, 24, 24), (4.0, 4.0, 4.0), network)
    entry |= {"normalization_schemes": ["CTNormalization"] * 2, "use_mask_for_norm": [False, False]}
    intensities = [made.PROPERTIES, {"mean": 6.0, "std": 4.0, "percentile_00_5": 1.0, "percentile_99_5": 30.0}]
    properties = {str(place): intensities[number] for place, number in enumerate(order)}
    return made.write_folder(
        tmp_path / "Dataset900_Lesions", "3d_fullres",
        made.plans("3d_fullres", entry, foreground_intensity_properties_per_channel=properties),
        made.dataset(labels or {"background": 0, "tumor": 1}, names), classes=len(labels or "ab"),
        trained=False,
    )  # fmt: skip


def test_an_nnunet_v2_folder_gives_what_its_network_says_of_ct_and_pet(study, run_command, tmp_path):
    """nnU-Net's own predictor is compared in the predictors' tests; here it is about what goes into which channel."""
    folder = nnunet_folder(tmp_path)
    words = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", folder, "-o", tmp_path / "l.nii.gz"]
    code, _, err = run_command(*words, "--json", tmp_path / "r.json")
    assert code == 0, err
    expected = by_hand(folder, ("CT", "PET"))
    assert 0.02 < expected.mean() < 0.98
    assert np.array_equal(read_labelmap(tmp_path / "l.nii.gz").values > 0, expected)
    assert json.loads((tmp_path / "r.json").read_text())["reading"]["channels"] == ["CT", "PET"]


def by_hand(folder: Path, order: tuple[str, str]) -> np.ndarray:
    """The network of an nnU-Net folder on the one window that covers the study: [k, j, i] inside, zeros around."""
    made = pytest.importorskip("nnunet_folders", reason="nnunetv2 is not installed")
    ct, pet, _ = made_study()
    together = on_one_grid(ct, pet)
    images = {
        "CT": (np.clip(together.ct.values, -900, 900) - 20) / 150,
        "PET": (np.clip(together.pet.values, 1, 30) - 6) / 4,
    }
    stacked = np.stack([images[name].transpose(2, 1, 0) for name in order]).astype(np.float32)
    network = made._network(
        json.loads((folder / "plans.json").read_text())["configurations"]["base"]["architecture"], 2, 2, 1
    )
    weights = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=False)["network_weights"]
    network.load_state_dict(weights)
    network.eval().decoder.deep_supervision = False
    with torch.inference_mode():
        logits = network(torch.from_numpy(np.pad(stacked, [(0, 0), (0, 0), (2, 2), (0, 0)]))[None])[0]
    return (logits.argmax(0).numpy()[:, 2:-2] > 0).transpose(2, 1, 0)


def test_a_folder_that_was_added_to_the_store_gives_the_same_by_name(study, run_command, tmp_path, monkeypatch):
    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(tmp_path / "store"))
    folder = nnunet_folder(tmp_path)
    assert run_command("models", "add", folder, "--name", "tumours")[0] == 0
    words = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", "tumours", "-o", tmp_path / "l.nii.gz"]
    code, _, err = run_command(*words)
    assert code == 0, err
    assert np.array_equal(read_labelmap(tmp_path / "l.nii.gz").values > 0, by_hand(folder, ("CT", "PET")))


def test_without_torch_a_sentence_says_what_to_install(study, run_command, tmp_path, monkeypatch):
    folder = put(tmp_path / "model", build_network(segresnet(2)), GRASP, "none")
    for name in ("torch", "AnatomyGuidedLib.predictors.card", "AnatomyGuidedLib.predictors.nnunet_v2"):
        monkeypatch.setitem(sys.modules, name, None)
    words = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", folder, "-o", tmp_path / "l.nii.gz"]
    code, _, err = run_command(*words)
    assert code == 1
    assert "Models need torch, which is not installed" in err


def test_a_model_stops_between_two_windows_when_asked(tmp_path):
    finder = read_finder(str(put(tmp_path / "m", build_network(segresnet(2)), GRASP, "none")), ModelChoice())
    ct, pet, _ = made_study()
    asked = iter([False, False, True])
    with pytest.raises(Cancelled):
        find_lesions_by_model(ct, pet, finder, device="cpu", cancelled=lambda: next(asked, True))


def test_a_folder_whose_channels_have_no_names_wants_them_told(study, run_command, tmp_path):
    folder = nnunet_folder(tmp_path, names=("CT", "CT"))
    words = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", folder, "-o", tmp_path / "l.nii.gz"]
    code, _, err = run_command(*words)
    assert code == 2
    assert "are called CT, CT, but each must be one of ct, pet" in err
    assert run_command(*words, "--channels", "ct,pet")[0] == 0
    code, _, err = run_command(*words, "--channels", "pet,ct")
    assert code == 2
    assert "in another order" in err


def test_channels_in_another_order_are_fed_in_that_order(study, run_command, tmp_path):
    one = nnunet_folder(tmp_path / "one")
    other = nnunet_folder(tmp_path / "other", names=("PET", "CT"), order=(1, 0))
    masks = []
    for name, folder in (("one", one), ("other", other)):
        words = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", folder, "-o"]
        assert run_command(*words, tmp_path / f"{name}.nii.gz")[0] == 0
        masks.append(read_labelmap(tmp_path / f"{name}.nii.gz").values > 0)
    assert np.array_equal(masks[0], by_hand(one, ("CT", "PET")))
    assert np.array_equal(masks[1], by_hand(other, ("PET", "CT")))
    assert (masks[0] != masks[1]).any()


@pytest.mark.parametrize(
    ("model", "code", "words"),
    [
        ("nothing", 2, "There is no model 'nothing'; known are suv4, suv41, percist"),
        (
            "dap-demo",
            2,
            "takes CT but no PET: it gives the 142 structures of the DAP Atlas from a CT. Lesions are found by ",
        ),
        ("empty-folder", 2, "is no model: it has neither model.json nor"),
        ("lang2box-demo", 2, "takes CT but no PET: it gives boxes of eleven abdominal organs"),
    ],
)
def test_what_is_no_lesion_model_is_refused(study, run_command, tmp_path, model, code, words):
    (tmp_path / "empty-folder").mkdir()
    source = tmp_path / model if (tmp_path / model).is_dir() else model
    call = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", source, "-o", tmp_path / "o" / "l.nii.gz"]
    result = run_command(*call)
    assert result[0] == code
    assert words in result[2]
    assert not (tmp_path / "o").exists()


def test_a_stores_model_with_a_damaged_card_is_damaged_and_not_missing(study, run_command, tmp_path, monkeypatch):
    (tmp_path / "store" / "mine").mkdir(parents=True)
    (tmp_path / "store" / "mine" / "model.json").write_text("{")
    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(tmp_path / "store"))
    words = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", "mine", "-o", tmp_path / "l.nii.gz"]
    assert run_command(*words)[::2] == (1, "The model card of mine cannot be read; install the model again.\n")


def test_weights_of_another_number_of_channels_are_refused(study, run_command, tmp_path):
    folder = put(tmp_path / "model", build_network(segresnet(2)), GRASP, "none")
    card = json.loads((folder / "model.json").read_text())
    card["network"]["arguments"]["in_channels"] = 3
    (folder / "model.json").write_text(json.dumps(card))
    words = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", folder, "-o", tmp_path / "l.nii.gz"]
    code, _, err = run_command(*words)
    assert code == 1
    assert "do not fit its card" in err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reader": "oracle"}, "needs the reader 'oracle'; update this program"),
        ({"common_grid": "mr"}, "asks for the grid 'mr'"),
    ],
)
def test_a_card_that_asks_for_what_is_unknown_is_refused(study, run_command, tmp_path, changes, words):
    folder = put(tmp_path / "model", build_network(segresnet(2)), GRASP, "none")
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(card | {"lesions": card["lesions"] | changes}))
    call = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", folder, "-o", tmp_path / "l.nii.gz"]
    code, _, err = run_command(*call)
    assert code == 1
    assert words in err


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: resolved_channels("m", ["noNorm", "PET"]), "each must be one of ct, pet"),
        (lambda: resolved_channels("m", ["CT"]), "one the pet"),
        (lambda: resolved_channels("m", ["PET", "PET"]), "each must be one of"),
        (lambda: resolved_channels("m", ["a"], asked=["ct", "pet"]), "takes 1 channel, but --channels names 2"),
        (lambda: require_order("m", ["PET"], [Normalisation("ct", -800, 900)]), "in another order"),
        (lambda: require_order("m", ["CT"], [Normalisation("ct", 0, 30)]), "in another order"),
        (lambda: lesion_values("m", Labels((0, 1, 2), {1: "liver", 2: "spleen"})), "none is called a lesion"),
        (lambda: lesion_values("m", Labels((0, 1), {1: "a"}), asked=[7]), "but 7 was asked"),
        (lambda: ModelChoice(device="gpu"), "auto, cpu, cuda"),
        (lambda: ModelChoice(orientation="LAX"), "axis codes such as LAS"),
    ],
)
def test_what_a_model_does_not_say_must_be_told(call, words):
    with pytest.raises(UsageError, match=words):
        call()


def test_lesions_among_organs_are_known_by_name_or_number():
    organs = Labels((0, 1, 2, 3), {1: "Liver", 2: "primary tumor", 3: "Lymph node metastases"})
    assert lesion_values("m", organs) == (2, 3)
    assert lesion_values("m", organs, asked=[1]) == (1,)


class Attentive:
    """A finder that says what it attended to, as APEx will."""

    name, needs_anatomy, onto, facts = "attentive", False, "pet", {"channels": ["CT", "PET"]}

    def found(self, study, **_):
        def attention(lesions):
            return {number: [("Liver", 0.2), ("Aorta", 0.7)] for number in range(1, int(lesions.values.max()) + 1)}

        return Found(study.pet.values > 4, ("read by a test",), attention)


def test_attended_anatomy_stands_in_the_table_the_strongest_first():
    ct, pet, _ = made_study()
    result = find_lesions_by_model(ct, pet, Attentive())
    assert [row["attended"] for row in result.rows] == ["Aorta; Liver"] * 2
    assert result.attention[1] == [("Liver", 0.2), ("Aorta", 0.7)]
    assert result.notes == ("read by a test",)


def test_attention_is_refused_where_a_model_tells_none(study, run_command, tmp_path):
    words = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "-o", tmp_path / "o" / "l.nii.gz"]
    folder = put(tmp_path / "model", build_network(segresnet(2)), GRASP, "none")
    code, _, err = run_command(*words, "--model", folder, "--attention", tmp_path / "o" / "a.json")
    assert (code, (tmp_path / "o").exists()) == (2, False)
    assert "model tells no attention" in err
    code, _, err = run_command(*words, "--attention", tmp_path / "o" / "a.json")
    assert (code, (tmp_path / "o").exists()) == (2, False)
    assert "suv4 attends to no anatomy" in err


@pytest.mark.parametrize("option", [("--channels", "ct,pet"), ("--lesion-labels", "2"), ("--trust",)])
def test_a_classical_reading_takes_no_option_of_models(study, run_command, tmp_path, option):
    words = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "-o", tmp_path / "o" / "l.nii.gz"]
    code, _, err = run_command(*words, *option)
    assert (code, (tmp_path / "o").exists()) == (2, False)
    assert f"suv4 is no network, so {option[0]} says nothing" in err


def test_in_python_a_model_that_takes_anatomy_wants_it_given(tmp_path):
    finder = read_finder(str(put(tmp_path / "m", build_network(segresnet(3)), GRASP, "scalar")), ModelChoice())
    ct, pet, _ = made_study()
    with pytest.raises(UsageError, match="takes the anatomy as a channel; give --anatomy"):
        find_lesions_by_model(ct, pet, finder, device="cpu")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--lesion-labels", "one"], "whole numbers above 0"),
        (["--lesion-labels", "0"], "whole numbers above 0"),
        (["--anatomy", "a.nii.gz", "--anatomy-model", "dap-demo"], "not both"),
        (["--segments", "some"], "invalid choice"),
        (["--device", "gpu"], "auto, cpu, cuda or cuda:N"),
        (["--threshold", "3", "--model", "dap-demo"], "takes no threshold"),
    ],
)
def test_wrong_options_of_models_are_wrong_calls(study, run_command, tmp_path, more, words):
    call = ["lesions", study / "ct.nii.gz", study / "pet.nii.gz", "-o", tmp_path / "o" / "l.nii.gz", *more]
    code, _, err = run_command(*call)
    assert (code, (tmp_path / "o").exists()) == (2, False)
    assert words in err


def test_a_card_whose_entry_is_no_table_is_refused(tmp_path):
    folder = put(tmp_path / "m", build_network(segresnet(2)), GRASP, "none")
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**card, "lesions": ["grasp"]}))
    with pytest.raises(AnatomyGuidedError, match="an entry 'lesions' that is no table"):
        read_finder(str(folder), ModelChoice())


def test_the_benchmark_preset_keeps_the_whole_image():
    from PathologySegLib.petct.fingerprint import Fingerprint

    preset = preset_named("benchmark", Fingerprint(40.0, 60.0, 6.0, 4.0))
    assert lesion_preparation(preset, "none", (4.0, 4.0, 4.0)).crop == "whole"
    assert lesion_preparation(GRASP, "groups", (4.0, 4.0, 4.0)).label_channels == tuple(range(2, 15))


def test_the_stores_lesion_models_are_listed_by_name_and_atlas_models_are_not(tmp_path, monkeypatch):
    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(tmp_path))
    put(tmp_path / "ours", build_network(segresnet(2)), GRASP, "none")
    other = put(tmp_path / "added", build_network(segresnet(2)), GRASP, "none")
    card = json.loads((other / "model.json").read_text())
    (other / "model.json").write_text(json.dumps({**card, "task": "1 structures from CT, PET"}))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.json").write_text("{")
    named = lesion_model_names()
    assert {"ours", "added"} <= set(named)
    assert not {"dap-demo", "broken"} & set(named)


def test_the_model_is_read_without_its_weights(tmp_path):
    finder = read_finder(str(put(tmp_path / "m", build_network(segresnet(3)), GRASP, "scalar")), ModelChoice())
    assert finder.needs_anatomy
    assert finder.facts == {
        "channels": ["CT", "PET", "anatomy"], "preset": "grasp", "lesion_labels": [1], "common_grid": "pet",
    }  # fmt: skip


def test_anatomy_is_never_interpolated_and_images_are():
    ct, pet, ids = made_study()
    together = on_one_grid(ct, pet, ids)
    prepared = lesion_preparation(GRASP, "scalar", (6.5, 5.0, 7.0)).prepared(
        [together.ct, together.pet, Volume(channel_named(together.anatomy.values, "anatomy"), together.grid)]
    )
    scalars = {np.float32(id_of(name) / np.float32(144)) for name in ("Muscles", "Liver")} | {np.float32(0)}
    assert set(np.unique(prepared.image[2])) <= scalars
    assert len(np.unique(prepared.image[2])) == 3
    assert prepared.image[1].min() >= 0
    given = set(np.unique(np.float32(together.pet.values) / np.float32(10)))
    assert not set(np.unique(prepared.image[1])) <= given


def test_a_model_that_takes_a_whole_muscle_for_a_lesion_is_noted():
    """A finder that marks a muscle of 800 ml, and a lesion beside it."""
    where = Grid((20, 20, 20), np.diag([10.0, 10.0, 10.0, 1.0]))
    muscle = np.zeros(where.shape, bool)
    muscle[2:12, 2:12, 2:10] = True

    class Marks:
        name, onto, needs_anatomy, tells_attention, facts = "marks", "pet", False, False, {}

        def found(self, *_, **__):
            mask = muscle.copy()
            mask[15:17, 15:17, 15:17] = True
            return Found(mask, ("kept",))

    suv = Volume(np.where(muscle, 2.0, 1.0).astype(np.float32), where, "SUV")
    ct = Volume(np.full(where.shape, 40, np.float32), where, "HU")
    anatomy = Labelmap((muscle * id_of("Gluteus Medius Left")).astype(np.uint8), where)
    notes = find_lesions_by_model(ct, suv, Marks(), anatomy=anatomy).notes
    assert notes[0] == "kept"
    assert notes[1].startswith("Lesion 1 holds 100 % of Gluteus Medius Left: healthy uptake")
    assert "suv41" not in notes[1]
    assert find_lesions_by_model(ct, suv, Marks()).notes == ("kept",)
