"""`anatomyguided study`: settings from files, and what a wrong call or a failed case comes to."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from AnatomyGuidedLib import study_command
from AnatomyGuidedLib.cli import COMMANDS, Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.files import Outputs
from AnatomyGuidedLib.progress import no_progress
from AnatomyGuidedLib.study_options import StudyOptions, read_settings, with_settings


@dataclass(frozen=True)
class Inner:
    sizes: tuple[float, ...] = (1.0, 2.0)


@dataclass(frozen=True)
class Outer:
    seed: int = 0
    amount: float = 2.0
    name: str = "a"
    inner: Inner = field(default_factory=Inner)


def test_settings_replace_values_and_groups_nest():
    changed = with_settings(Outer(), {"seed": 3, "amount": 4, "inner": {"sizes": [5, 6, 7]}})
    assert changed == Outer(3, 4.0, "a", Inner((5.0, 6.0, 7.0)))
    assert isinstance(changed.amount, float)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sede": 1}, "sede is unknown; there are amount, inner, name, seed"),
        ({"inner": {"size": 1}}, "inner.size is unknown"),
        ({"seed": 1.5}, "seed must be like 0, but is 1.5"),
        ({"seed": True}, "seed must be like 0, but is True"),
        ({"amount": True}, "amount must be like 2.0, but is True"),
        ({"inner": 3}, "inner must be like"),
        ({"inner": {"sizes": ["x"]}}, "inner.sizes must be like 1.0, but is 'x'"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_by_its_name(settings, message):
    with pytest.raises(UsageError, match=message):
        with_settings(Outer(), settings)


def test_settings_are_read_from_json_and_toml(tmp_path):
    (tmp_path / "a.json").write_text('{"seed": 3, "inner": {"sizes": [1]}}')
    (tmp_path / "a.toml").write_text("seed = 3\n[inner]\nsizes = [1]\n")
    assert (
        read_settings(tmp_path / "a.json") == read_settings(tmp_path / "a.toml") == {"seed": 3, "inner": {"sizes": [1]}}
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"{", "cannot be read"),
        ("a.toml", b"seed", "cannot be read"),
        ("a.json", b"\xff\xfe", "cannot be read"),
        ("a.json", b"[1]", "holds a list"),
    ],
)
def test_a_broken_settings_file_is_a_wrong_call(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_settings(tmp_path / name)
    with pytest.raises(UsageError, match=r"^absent\.json does not exist; check the path\.$"):
        read_settings(tmp_path / "absent.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(
        UsageError, match=r"^folder\.json cannot be read as settings \(Is a directory\); give a \.json or"
    ):
        read_settings(tmp_path / "folder.json")


def call(monkeypatch, tmp_path, study, **arguments):
    monkeypatch.setitem(sys.modules, "made_up_study", SimpleNamespace(run=study))
    monkeypatch.setattr(study_command, "STUDIES", {"made-up": ("made_up_study", "for this test")})
    given = {"study": "made-up", "output": tmp_path / "out", "config": None, "cohort": None, "tier": "ci"}
    namespace = SimpleNamespace(**{**given, **arguments})
    return study_command.run(namespace, Console(progress=no_progress), Outputs())


def test_a_study_gets_tier_settings_and_cohort_and_its_files_appear_together(monkeypatch, tmp_path):
    (tmp_path / "c.json").write_text('{"seed": 3}')

    def study(options, folder, _console):
        assert options == StudyOptions("cpu", {"seed": 3}, tmp_path / "pairs.csv", tmp_path / "out", tmp_path)
        (folder / "study.json").write_text("{}")
        assert not (tmp_path / "out").exists()
        return {"files": ["study.json"]}

    options = {"tier": "cpu", "config": tmp_path / "c.json", "cohort": tmp_path / "pairs.csv"}
    assert call(monkeypatch, tmp_path, study, **options) == {"files": ["study.json"]}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["study.json"]


def test_failed_cases_are_an_error_but_the_others_results_stay(monkeypatch, tmp_path):
    def study(_options, folder, _console):
        (folder / "values.csv").write_text("case\n")
        return {"failed": {"p2": "no file", "p1": "no file"}}

    with pytest.raises(AnatomyGuidedError, match=r"2 of the cohort's cases failed \(p1, p2\); out has the results"):
        call(monkeypatch, tmp_path, study)
    assert (tmp_path / "out" / "values.csv").exists()


def test_a_study_that_stops_leaves_nothing(monkeypatch, tmp_path):
    def study(_options, folder, _console):
        (folder / "values.csv").write_text("half")
        raise AnatomyGuidedError("stopped")

    with pytest.raises(AnatomyGuidedError, match="stopped"):
        call(monkeypatch, tmp_path, study)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif("study" not in COMMANDS, reason="the command line does not know the command study")
def test_an_unknown_study_is_a_wrong_call(run_command, tmp_path):
    code, out, err = run_command("study", "cc-cubes", "-o", tmp_path / "out")
    assert (code, out) == (2, "")
    assert "cc-cubes" in err


@pytest.mark.skipif("study" not in COMMANDS, reason="the command line does not know the command study")
def test_a_study_with_a_wrong_setting_names_it(run_command, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: studies cannot draw")
    (tmp_path / "c.json").write_text(json.dumps({"radius": 3}))
    code, _, err = run_command("study", "cc-spheres", "--config", tmp_path / "c.json", "-o", tmp_path / "out")
    assert code == 2
    assert "radius is unknown" in err
    assert not (tmp_path / "out").exists()
