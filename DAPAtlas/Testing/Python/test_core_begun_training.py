"""A training goes on with the settings that it was begun with, and says which one is another."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from AnatomyGuidedLib.begun_training import RECIPE, begin
from AnatomyGuidedLib.errors import UsageError


@dataclass(frozen=True)
class Part:
    steps: int = 2
    shape: tuple[int, ...] = (8, 8)


@dataclass(frozen=True)
class Settings:
    network: str = "small"
    rows: tuple[int, ...] = (1,)
    whole: Part = field(default_factory=Part)
    parts: tuple[Part, ...] = (Part(), Part(3))


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    begin(tmp_path / "model", Settings(), resume=False)
    (tmp_path / "model" / "training").mkdir()
    return tmp_path / "model"


def test_the_same_settings_go_on_when_asked_to(begun: Path) -> None:
    before = (begun / RECIPE).read_bytes()
    begin(begun, Settings(), resume=True)
    assert (begun / RECIPE).read_bytes() == before
    with pytest.raises(UsageError, match="model is not empty; --resume goes on"):
        begin(begun, Settings(), resume=False)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (Settings(network="large"), "begun with network 'small', but now network is 'large'; go on with the former"),
        (Settings(whole=Part(5)), "begun with whole.steps 2, but now whole.steps is 5"),
        (Settings(parts=(Part(), Part(4))), "begun with parts.2.steps 3, but now parts.2.steps is 4"),
        (Settings(parts=(Part(),)), "begun with parts.2.steps 3, but now parts.2.steps is None"),
        (Settings(rows=(1, 2)), "begun with rows (1,), but now rows is (1, 2)"),
    ],
)
def test_the_first_other_setting_is_named_and_nothing_is_written(begun: Path, changed: Settings, words: str) -> None:
    before = (begun / RECIPE).read_bytes()
    with pytest.raises(UsageError) as refused:
        begin(begun, changed, resume=True)
    assert words in str(refused.value)
    assert (begun / RECIPE).read_bytes() == before


def test_a_setting_that_changes_nothing_of_what_was_learned_may_change_and_is_noted(begun: Path) -> None:
    begin(begun, replace(Settings(), rows=(1, 2)), resume=True, free=("rows",))
    assert json.loads((begun / RECIPE).read_text())["rows"] == [1, 2]


def test_settings_may_be_mended_as_long_as_nothing_was_learned(tmp_path: Path) -> None:
    begin(tmp_path, Settings(), resume=False)
    begin(tmp_path, Settings(network="large"), resume=False)
    assert json.loads((tmp_path / RECIPE).read_text())["network"] == "large"


def test_a_recipe_of_another_training_is_refused(begun: Path) -> None:
    (begun / RECIPE).write_text('{"colour": "red"}')
    with pytest.raises(UsageError, match=r"recipe.json in model is none of a training like this one; .*colour"):
        begin(begun, Settings(), resume=True)
