"""A lesion model finds the same voxels of the patient, however CT and PET are stored: blocks, GRASP's fusion, APEx."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from AnatomyGuidedLib.grid import Volume
from AnatomyGuidedLib.phantom import PatientOptions, make_patient
from made_images import reoriented
from PathologySegLib.finder import LesionFinder
from PathologySegLib.finders import read_finder
from PathologySegLib.model_lesions import find_lesions_by_model
from PathologySegLib.parameters import ModelChoice
from PathologySegLib.petct.presets import GRASP

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("monai", reason="monai is not installed")

from AnatomyGuidedLib.inference.windows import Window  # noqa: E402
from AnatomyGuidedLib.networks.build import build_network  # noqa: E402
from AnatomyGuidedLib.networks.frozen import FrozenEncoder  # noqa: E402
from PathologySegLib.grasp.network import Grasp  # noqa: E402
from PathologySegLib.grasp.settings import FusionSettings  # noqa: E402
from PathologySegLib.learning.atlas_models import AtlasModel  # noqa: E402
from PathologySegLib.learning.backbones import Backbone  # noqa: E402
from PathologySegLib.network_finder import NetworkFinder, lesion_preparation, write_lesion_model  # noqa: E402

STORAGES = [((0, 1, 2), (True, False, False)), ((2, 0, 1), (True, False, True)), ((1, 2, 0), (False, True, True))]
_NETWORK = {
    "architecture": "SegResNet",
    "arguments": {
        "spatial_dims": 3, "init_filters": 4, "in_channels": 2, "out_channels": 2,
        "blocks_down": [1, 1], "blocks_up": [1], "norm": ["instance", {}],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def study() -> tuple[Volume, Volume]:
    patient = make_patient(PatientOptions(spacing_mm=8.0, sex="M", seed=900_003, lesions=None, pattern="lymphoma"))
    return patient.ct, patient.pet


def found(finder: LesionFinder, ct: Volume, pet: Volume) -> npt.NDArray[np.bool_]:
    return find_lesions_by_model(ct, pet, finder, device="cpu").labelmap.values > 0


def dice_with_another_storage(
    finder: LesionFinder, study: tuple[Volume, Volume], order: tuple[int, int, int], flips: tuple[bool, ...]
) -> float:
    ct, pet = study
    one = reoriented(found(finder, ct, pet), pet.grid, order, flips)[0]
    other = found(finder, *(Volume(*reoriented(v.values, v.grid, order, flips), v.unit) for v in study))
    assert one.any()
    assert not one.all()
    return dice(one, other)


def dice(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.mark.parametrize(("order", "flips"), STORAGES)
def test_a_network_of_blocks_as_grasp_is_finds_the_same_place(
    tmp_path: Path, study: tuple[Volume, Volume], order: tuple[int, int, int], flips: tuple[bool, ...]
) -> None:
    """Its weights are random, so no side of a filter is like the other: a mirrored image would give another mask."""
    torch.manual_seed(3)
    write_lesion_model(
        tmp_path / "m", [build_network(_NETWORK)], network=_NETWORK, window=Window((32, 32, 32), padding="zero"),
        preparation=lesion_preparation(GRASP, "none", (8.0, 8.0, 8.0)), preset=GRASP, anatomy="none", licence="none",
    )  # fmt: skip
    finder = read_finder(str(tmp_path / "m"), ModelChoice())
    assert dice_with_another_storage(finder, study, order, flips) > 0.99


@pytest.fixture(scope="module")
def fused(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, NetworkFinder]:
    """By whether the fusion is kept in prediction: random weights that look mostly at the features of `dap-demo`."""
    folder = tmp_path_factory.mktemp("models") / "fused"
    entry = Backbone(features=(4, 8, 16), encoder_blocks=1).entry(channels=2, classes=2, deep_supervision=False)
    torch.manual_seed(5)
    network = Grasp(
        build_network(entry), FrozenEncoder(AtlasModel("dap-demo").network), FusionSettings(levels=1), entering=2,
        activation_step=0,
    )  # fmt: skip
    for fusion in network.fusions:
        fusion.weight.data.fill_(3.0)
    write_lesion_model(
        folder, [network.backbone], network=entry, window=Window((32, 32, 32), padding="zero"), preset=GRASP,
        preparation=lesion_preparation(GRASP, "none", (12.0, 12.0, 12.0)), anatomy="none", licence="none",
    )  # fmt: skip
    finder = read_finder(str(folder), ModelChoice())
    assert isinstance(finder, NetworkFinder)
    network.settings = replace(network.settings, kept=True)
    kept = replace(finder.predictor, load=lambda: [network])
    return {False: finder, True: replace(finder, predictor=kept)}


@pytest.mark.parametrize(("order", "flips"), STORAGES)
def test_a_fusion_that_is_kept_finds_the_same_place(
    fused: dict[bool, NetworkFinder],
    study: tuple[Volume, Volume],
    order: tuple[int, int, int],
    flips: tuple[bool, ...],
) -> None:
    assert dice_with_another_storage(fused[True], study, order, flips) > 0.99


def test_a_fusion_that_is_kept_tells_left_from_right(
    fused: dict[bool, NetworkFinder], study: tuple[Volume, Volume]
) -> None:
    """Without this the test above could not fail: it changes what is found, and a mirrored patient is another one."""
    own, without = (found(fused[kept], *study) for kept in (True, False))
    mirrored = found(fused[True], *(Volume(volume.values[::-1].copy(), volume.grid, volume.unit) for volume in study))
    assert dice(own, without) < 0.98
    assert dice(own, mirrored[::-1]) < 0.9


def test_apex_finds_the_same_place(study: tuple[Volume, Volume]) -> None:
    """Its slices lie elsewhere than the PET's: voxels halfway between two of them may fall to either neighbour."""
    pytest.importorskip("transformers", reason="transformers is not installed")
    assert dice_with_another_storage(read_finder("apex-demo", ModelChoice()), study, *STORAGES[1]) > 0.9
