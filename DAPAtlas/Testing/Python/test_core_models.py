"""The model store: what is installed, what is damaged, and what is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.models import ModelNotInstalled, find_model, installed_models, model_names, store_folder
from testing_data import refusal

WEIGHTS = b"not really weights"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANATOMYGUIDED_MODELS", str(tmp_path / "store"))
    return tmp_path / "store"


def add_model(folder: Path, **card: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(WEIGHTS)
    files = {"weights.safetensors": hashlib.sha256(WEIGHTS).hexdigest()}
    text = json.dumps({"task": "atlas", "licence": "Apache-2.0", "files": files, **card})
    (folder / "model.json").write_text(text)
    return folder


def bundled() -> list[str]:
    return [model.name for model in installed_models() if "store" not in model.folder.parts]


def test_the_store_is_where_the_environment_says_or_in_the_home_folder(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store_folder() == store
    monkeypatch.delenv("ANATOMYGUIDED_MODELS")
    assert store_folder() == Path.home() / ".anatomyguided" / "models"


def test_models_of_the_store_are_found_by_name_and_listed_in_order(store: Path) -> None:
    for name in ("beta", "alpha"):
        add_model(store / name)
    assert [model.name for model in installed_models() if model.name not in bundled()] == ["alpha", "beta"]
    model = find_model("alpha")
    assert (model.task, model.licence, model.damaged_files()) == ("atlas", "Apache-2.0", [])


@pytest.mark.usefixtures("store")
def test_a_model_outside_the_store_is_found_by_its_folder(tmp_path: Path) -> None:
    assert find_model(str(add_model(tmp_path / "mine"))).name == "mine"


@pytest.mark.usefixtures("store")
def test_an_absent_store_is_empty() -> None:
    assert not [model for model in installed_models() if model.name not in bundled()]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("dap-unet-4mm", "anatomyguided train atlas --config dap-unet-4mm -o dap-unet-4mm makes it"),
        ("lang2box-table8", "anatomyguided train lang2box --config lang2box-table8"),
    ],
)
def test_a_model_that_has_a_recipe_is_told_how_it_is_made(name: str, way: str) -> None:
    message = refusal(lambda: find_model(name), ModelNotInstalled)
    assert way in message
    assert message.endswith(f"and then anatomyguided models add {name} installs it.")
    assert "recipe" not in refusal(lambda: find_model("nothing"), ModelNotInstalled)


def test_an_unknown_model_is_a_wrong_call_that_lists_the_installed_ones(store: Path) -> None:
    add_model(store / "alpha")
    message = refusal(lambda: find_model("/home/Secret Person/gamma"), ModelNotInstalled)
    assert "'gamma'" in message
    assert "alpha" in message
    assert "Secret" not in message


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_damaged_model_is_refused_with_the_files_name(store: Path, damage: str) -> None:
    weights = add_model(store / "alpha") / "weights.safetensors"
    weights.write_bytes(b"other") if damage == "changed" else weights.unlink()
    assert "weights.safetensors" in refusal(lambda: find_model("alpha"))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": [], "task": "a", "licence": "b"}', "\x00"])
def test_a_broken_card_is_refused_with_the_models_name(store: Path, text: str) -> None:
    (add_model(store / "alpha") / "model.json").write_text(text)
    for call in (installed_models, lambda: find_model("alpha")):
        message = refusal(call)
        assert "alpha" in message
        assert str(store) not in message


def test_a_broken_card_stands_in_the_way_of_no_other_model(store: Path) -> None:
    add_model(store / "alpha")
    (add_model(store / "beta") / "model.json").write_text("{")
    assert find_model("alpha").name == "alpha"
    assert "beta" not in model_names()


@pytest.mark.parametrize("name", ["../other/weights.bin", "/etc/hostname"])
def test_a_card_that_names_files_outside_its_folder_is_refused(store: Path, name: str) -> None:
    add_model(store / "alpha", files={name: "0" * 64})
    assert "outside its folder" in refusal(lambda: find_model("alpha"))


def test_a_link_out_of_the_folder_is_refused(store: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(WEIGHTS)
    folder = add_model(store / "alpha")
    (folder / "weights.safetensors").unlink()
    (folder / "weights.safetensors").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(AnatomyGuidedError, match="outside its folder"):
        find_model("alpha")


def test_the_command_lists_models_and_writes_json(
    store: Path, tmp_path: Path, run_command: Callable[..., tuple[int, str, str]]
) -> None:
    add_model(store / "alpha")
    code, out, _ = run_command("models", "list", "--json", tmp_path / "m.json")
    assert code == 0
    assert "alpha\tatlas\tApache-2.0\n" in out
    assert {"name": "alpha", "task": "atlas", "licence": "Apache-2.0"} in json.loads((tmp_path / "m.json").read_text())[
        "models"
    ]


def test_the_list_names_what_cannot_be_read_and_lists_the_rest(store: Path, run_command) -> None:
    add_model(store / "alpha")
    (add_model(store / "beta") / "model.json").write_text("{")
    code, out, said = run_command("models", "list")
    assert code == 0
    assert "alpha" in out
    assert "beta" not in out
    assert "card of beta cannot be read" in said
