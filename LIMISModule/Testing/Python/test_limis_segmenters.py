"""Segmenters by name: what each can do, the command line's option, the log, and replays with other weights."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.io import read_labelmap
from AnatomyGuidedLib.models import find_model
from LIMISLib.box import Box
from LIMISLib.prompt import Click, Prompt, Window
from LIMISLib.prompt_segmenter import SeededGrowth
from LIMISLib.random_walk import RandomWalk
from LIMISLib.segmenters.registry import SegmenterChoice, open_segmenter, segmenter_choice, segmenter_names
from made_images import liver_study
from nninteractive_server import served

_NEEDS_TORCH = pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import torch"], capture_output=True, check=False).returncode != 0,
    reason="torch is not installed",
)
_BOX = Box(4, 4, 26, 26)


def _image() -> np.ndarray:
    rows, columns = np.indices((30, 30))
    return np.where(np.hypot(rows - 15, columns - 15) < 8, 60, -100).astype(np.float32)


@pytest.fixture
def study(tmp_path):
    """A folder with a CT and its anatomy: a liver."""
    return liver_study(tmp_path, np.s_[6:26, 10:34, 2:5])


@pytest.fixture
def limis(run_command, study):
    def run(*options: object, say: str = "segment the liver"):
        image, anatomy = study / "ct.nii.gz", study / "anatomy.nii.gz"
        return run_command("limis", image, "--anatomy", anatomy, "--say", say, "-o", study / "liver.nii.gz", "--log",
                           study / "s.jsonl", *options)  # fmt: skip

    return run


def _header(study) -> dict:
    return json.loads((study / "s.jsonl").read_text().splitlines()[0])


def test_what_each_can_do_is_what_it_does():
    walk, growth = RandomWalk(), SeededGrowth()
    assert walk.capabilities.described() == "2D; box, clicks; probabilities; raw HU"
    assert growth.capabilities.described() == "2D; box; mask; raw HU"
    plain = growth.chances(_image(), Prompt(_BOX), pixel_mm=(1.0, 1.0))
    assert np.array_equal(plain > 0, growth.segment(_image(), _BOX, pixel_mm=(1.0, 1.0)))
    assert set(np.unique(plain)) == {0.0, 1.0}
    clipped = growth.chances(_image(), Prompt(_BOX, window=Window(-300, 100)), pixel_mm=(1.0, 1.0))
    assert clipped[15, 5] == 1.0  # nothing is left to tell disc and background apart
    with pytest.raises(AnatomyGuidedError, match="seeded_growth takes no clicks"):
        growth.chances(_image(), Prompt(_BOX, (Click(9, 9, True),)), pixel_mm=(1.0, 1.0))
    with pytest.raises(AnatomyGuidedError, match="random_walk takes no earlier mask"):
        walk.chances(_image(), Prompt(_BOX, before=plain), pixel_mm=(1.0, 1.0))


def test_importing_the_registry_needs_no_torch_and_no_transformers():
    code = "import sys, LIMISLib.segmenters.registry, LIMISLib.training.box2mask; " \
           "print([name for name in ('torch', 'transformers', 'safetensors') if name in sys.modules])"  # fmt: skip
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing", "no segmenter 'nothing'; there are random_walk, seeded_growth, scribbleprompt"),
        ("sam", "sam needs a place: sam:FOLDER or FILE"),
        ("nninteractive:", "nninteractive needs a place: nninteractive:ADDRESS"),
        ("random_walk:x", "random_walk takes no place"),
    ],
)
def test_what_is_no_segmenter_is_refused_with_the_list(limis, study, text, said):
    with pytest.raises(UsageError, match=said):
        segmenter_choice(text)
    code, out, err = limis("--segmenter", text)
    assert (code, out) == (2, "")
    assert said in err
    assert not (study / "s.jsonl").exists()


def test_names_open_the_segmenter_of_that_name(tmp_path):
    for text in ("random_walk", "seeded_growth", "nninteractive:http://127.0.0.1:9"):
        assert open_segmenter(segmenter_choice(text)).name == segmenter_choice(text).name
    for name in ("sam", "medsam", "scribbleprompt_sam", "scribbleprompt"):
        assert name in segmenter_names()
        with pytest.raises(AnatomyGuidedError, match="gone"):
            open_segmenter(segmenter_choice(f"{name}:{tmp_path / 'gone'}"))


def test_the_log_names_the_segmenter_and_the_replay_uses_it(limis, run_command, study):
    assert limis("--segmenter", "seeded_growth")[0] == 0
    assert _header(study)["segmenter"] == {"name": "seeded_growth", "weights_sha256": ""}
    code, _, err = run_command(
        "limis", "replay", study / "s.jsonl", "-o", study / "a.nii.gz", "--json", study / "r.json"
    )
    assert (code, err) == (0, "")
    assert json.loads((study / "r.json").read_text())["segmenter"] == "seeded_growth"
    code, _, err = run_command(
        "limis", "replay", study / "s.jsonl", "--segmenter", "random_walk", "-o", study / "b.nii.gz"
    )
    assert code == 1
    assert "made by seeded_growth, but --segmenter random_walk was given" in err


def test_a_log_without_a_segmenter_is_of_the_default_one(limis, run_command, study):
    assert limis()[0] == 0
    header, *entries = (study / "s.jsonl").read_text().splitlines()
    old = {key: value for key, value in json.loads(header).items() if key != "segmenter"}
    (study / "s.jsonl").write_text("\n".join([json.dumps(old), *entries]))
    code, _, err = run_command("limis", "replay", study / "s.jsonl", "-o", study / "again.nii.gz")
    assert (code, err) == (0, "")


@pytest.mark.parametrize("entry", ["walk", {}, {"name": 3}, {"name": "unheard-of"}])
def test_a_damaged_entry_is_refused(limis, run_command, study, entry):
    assert limis()[0] == 0
    header, *entries = (study / "s.jsonl").read_text().splitlines()
    (study / "s.jsonl").write_text("\n".join([json.dumps(json.loads(header) | {"segmenter": entry}), *entries]))
    code, _, err = run_command("limis", "replay", study / "s.jsonl", "-o", study / "again.nii.gz")
    assert code == 1
    assert "segmenter" in err


@_NEEDS_TORCH
def test_the_bundled_network_is_named_without_a_path_and_replays_to_the_identical_mask(limis, run_command, study):
    assert limis("--segmenter", "scribbleprompt", say="segment the liver")[0] == 0
    entry = _header(study)["segmenter"]
    model = find_model("box2mask-demo")
    assert entry == {"name": "scribbleprompt", "weights_sha256": model.files["weights.safetensors"]}
    code, _, err = run_command("limis", "replay", study / "s.jsonl", "-o", study / "again.nii.gz")
    assert (code, err) == (0, "")
    one, other = (read_labelmap(study / name).values for name in ("liver.nii.gz", "again.nii.gz"))
    assert np.array_equal(one, other)
    header, *entries = (study / "s.jsonl").read_text().splitlines()
    untold = json.loads(header) | {"segmenter": {"name": "scribbleprompt"}}
    (study / "s.jsonl").write_text("\n".join([json.dumps(untold), *entries]))
    code, _, err = run_command("limis", "replay", study / "s.jsonl", "-o", study / "again.nii.gz")
    assert code == 1
    assert "does not tell the sha256" in err


@_NEEDS_TORCH
def test_a_replay_with_other_weights_is_refused_with_the_reason(limis, run_command, study):
    import torch
    from AnatomyGuidedLib.networks.scribbleprompt import ScribblePromptUNet

    for seed, name in enumerate(("a", "b")):
        torch.manual_seed(seed)
        weights = ScribblePromptUNet((4,)).state_dict()
        weights["final_conv.conv.0.bias"] += 5  # an untrained network would give an empty mask, which is not written
        torch.save(weights, study / f"{name}.pt")
    assert limis("--segmenter", f"scribbleprompt:{study / 'a.pt'}")[0] == 0
    assert _header(study)["segmenter"]["place"] == "a.pt"
    replay = ("limis", "replay", study / "s.jsonl", "-o", study / "again.nii.gz")
    assert run_command(*replay)[0] == 0
    shutil.copy(study / "a.pt", study / "moved.pt")
    shutil.copy(study / "b.pt", study / "a.pt")
    code, _, err = run_command(*replay)
    assert code == 1
    assert "used with other weights" in err
    assert run_command(*replay, "--segmenter", f"scribbleprompt:{study / 'moved.pt'}")[0] == 0
    assert run_command(*replay, "--segmenter", f"scribbleprompt:{study / 'b.pt'}")[0] == 1


def test_a_servers_address_is_not_logged_and_a_replay_asks_for_one(limis, run_command, study):
    with served() as (address, _):
        assert limis("--segmenter", f"nninteractive:{address}")[0] == 0
        assert _header(study)["segmenter"] == {"name": "nninteractive", "weights_sha256": ""}
        assert address not in (study / "s.jsonl").read_text()
        replay = ("limis", "replay", study / "s.jsonl", "-o", study / "again.nii.gz")
        code, _, err = run_command(*replay)
        assert code == 1
        assert "--segmenter nninteractive:ADDRESS" in err
        assert run_command(*replay, "--segmenter", f"nninteractive:{address}")[:2] == (0, "")
    code, _, err = limis("--segmenter", f"nninteractive:{address}", say="segment the liver")
    assert code == 1
    assert "cannot be reached" in err


def test_another_machines_server_needs_leave(limis, study):
    code, _, err = limis("--segmenter", "nninteractive:http://192.0.2.1:1527")
    assert code == 1
    assert "--allow-remote" in err
    assert not (study / "s.jsonl").exists()


def test_a_choice_is_written_as_it_was_read():
    for text in ("random_walk", "sam:a/b", "nninteractive:http://127.0.0.1:1527"):
        assert segmenter_choice(text).text == text
    assert SegmenterChoice() == segmenter_choice("random_walk")
