"""Outputs appear all together or not at all: faults at every point leave the folders as they were."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.files import (
    STAGED_LIST,
    Outputs,
    full_suffix,
    remove_announced,
    staged_folder,
    write_csv,
    write_json,
)
from testing_data import everything_in, refusal, run_python

FULL_DISK_SENTENCE = (
    "The disk is full: the output could not be written and was removed; free some space and run again.\n"
)
FULL_DISK = """
import resource, sys
from AnatomyGuidedLib.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.exit(main(sys.argv[1:]))
"""
FULL_DISK_WRITER = """
import resource, sys
from argparse import Namespace
from pathlib import Path
import numpy as np
from AnatomyGuidedLib import cli, files, io
from AnatomyGuidedLib.grid import Grid, Labelmap
noise = np.random.default_rng(0).integers(0, 2, (100, 100, 100), dtype=np.uint8)
labelmap = Labelmap(noise, Grid(noise.shape, np.eye(4)))
def run(arguments, console, outputs):
    path = outputs.stage(sys.argv[1])
    if path.suffix == ".csv":
        files.write_csv(path, [{"a": number} for number in range(9999)], ["a"])
    elif path.suffix == ".json":
        files.write_json(path, list(range(9999)))
    else:
        io.write_labelmap(labelmap, path, [io.Segment(1, "one", (255, 0, 0))])
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    cli.execute(Namespace(json=None, result=None), Namespace(run=run), cli.Console(lambda *_: None))
except cli.AnatomyGuidedError as error:
    sys.exit(str(error))
"""


class Fault(Exception):
    """What goes wrong in the middle of the work."""


def fail_after_staging(*targets: Path) -> None:
    with suppress(Fault), Outputs() as outputs:
        for target in targets:
            outputs.stage(target).write_text("half")
        raise Fault


def test_nothing_is_visible_before_the_end_and_everything_after_it(tmp_path: Path) -> None:
    with Outputs() as outputs:
        for name in ("a.json", "b.seg.nrrd"):
            staged = outputs.stage(tmp_path / name)
            assert staged.parent == tmp_path
            assert full_suffix(staged) == full_suffix(name)
            staged.write_text(name)
        assert not [name for name in everything_in(tmp_path) if not name.startswith(".")]
    assert everything_in(tmp_path) == {"a.json", "b.seg.nrrd"}
    assert (tmp_path / "b.seg.nrrd").read_text() == "b.seg.nrrd"


def test_a_failure_removes_files_and_the_folders_made_for_them(tmp_path: Path) -> None:
    fail_after_staging(tmp_path / "new" / "deep" / "a.json", tmp_path / "b.json")
    assert everything_in(tmp_path) == set()


def test_a_failure_keeps_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    fail_after_staging(target, tmp_path / "new" / "b.json")
    assert everything_in(tmp_path) == {"a.json"}
    assert target.read_text() == "old"


def test_an_existing_output_is_replaced_by_one_rename(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    with target.open() as reader, Outputs() as outputs:
        outputs.stage(target).write_text("new")
        assert target.read_text() == "old"
        assert reader.read() == "old"
    assert target.read_text() == "new"


def test_a_folder_that_got_other_files_meanwhile_stays(tmp_path: Path) -> None:
    with suppress(Fault), Outputs() as outputs:
        outputs.stage(tmp_path / "new" / "a.json")
        (tmp_path / "new" / "other.txt").touch()
        raise Fault
    assert everything_in(tmp_path) == {"new", "new/other.txt"}


@pytest.mark.parametrize("again", ["a.json", "x/../a.json", "link.json"])
def test_two_outputs_of_one_file_are_refused_however_it_is_named(tmp_path: Path, again: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "a.json")
    with Outputs() as outputs:
        outputs.stage(tmp_path / "a.json")
        assert "a.json is named for two outputs" in refusal(lambda: outputs.stage(tmp_path / again))


def test_an_output_through_a_link_replaces_the_file_and_keeps_the_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "a.json").write_text("old")
    (tmp_path / "link.json").symlink_to(tmp_path / "disk" / "a.json")
    with Outputs() as outputs:
        outputs.stage(tmp_path / "link.json").write_text("new")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "disk" / "a.json").read_text() == "new"


def test_a_folder_as_target_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "secret" / "atlas.nii.gz").mkdir(parents=True)
    message = refusal(lambda: Outputs().stage(tmp_path / "secret" / "atlas.nii.gz"))
    assert "atlas.nii.gz is a folder" in message
    assert "secret" not in message


@pytest.mark.skipif(os.name == "nt", reason="devices are no paths on Windows")
def test_a_device_is_not_replaced_by_a_file() -> None:
    assert "null is a device" in refusal(lambda: Outputs().stage("/dev/null"))
    assert Path("/dev/null").is_char_device()


def test_a_path_below_a_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with Outputs() as outputs:
        message = refusal(lambda: outputs.stage(tmp_path / "file" / "sub" / "a.json"))
    assert "could not be written (Not a directory)" in message
    assert str(tmp_path) not in message
    assert everything_in(tmp_path) == {"file"}


def test_two_runs_may_make_one_folder_at_once(tmp_path: Path) -> None:
    with Outputs() as first, Outputs() as second:
        first.stage(tmp_path / "new" / "a.json").write_text("a")
        second.stage(tmp_path / "new" / "b.json").write_text("b")
    assert everything_in(tmp_path) == {"new", "new/a.json", "new/b.json"}


# Folders


def test_a_staged_folder_moves_in_at_the_end_and_replaces_by_name(tmp_path: Path) -> None:
    target = tmp_path / "new" / "out"
    target.mkdir(parents=True)
    for name in ("kept.txt", "replaced.txt"):
        (target / name).write_text("old")
    with staged_folder(target) as folder:
        (folder / "replaced.txt").write_text("new")
        (folder / "sub").mkdir()
        (folder / "sub" / "added.txt").write_text("new")
        assert (target / "replaced.txt").read_text() == "old"
    assert everything_in(target) == {"kept.txt", "replaced.txt", "sub", "sub/added.txt"}
    assert ((target / "kept.txt").read_text(), (target / "replaced.txt").read_text()) == ("old", "new")
    assert everything_in(tmp_path / "new") == {"out", *(f"out/{name}" for name in everything_in(target))}


def test_a_failure_removes_a_staged_folder_and_its_new_parents(tmp_path: Path) -> None:
    with suppress(Fault), staged_folder(tmp_path / "new" / "deep" / "out") as folder:
        (folder / "a.txt").write_text("half")
        raise Fault
    assert everything_in(tmp_path) == set()


def test_a_staged_folder_moves_nothing_where_one_name_is_taken_by_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out" / "z.txt").mkdir(parents=True)

    def write_two() -> None:
        with staged_folder(tmp_path / "out") as folder:
            (folder / "a.txt").write_text("a")
            (folder / "z.txt").write_text("z")

    assert "z.txt is a folder in out" in refusal(write_two)
    assert everything_in(tmp_path) == {"out", "out/z.txt"}


@pytest.mark.parametrize("target", ["file", "file/out"])
def test_a_staged_folder_at_or_below_a_file_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(AnatomyGuidedError, match=r"^\w+ (is a file|could not be written)"),
        staged_folder(tmp_path / target),
    ):
        pass
    assert everything_in(tmp_path) == {"file"}


# Killed workers


def test_what_a_killed_worker_announced_can_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = tmp_path / "staged.txt"
    (tmp_path / "home").mkdir()
    monkeypatch.setenv(STAGED_LIST, str(listing))
    Outputs().stage(tmp_path / "home" / "with space" / "a.json").write_text("half")
    killed = staged_folder(tmp_path / "home" / "out")
    (killed.__enter__() / "b.txt").write_text("half")
    assert everything_in(tmp_path / "home")
    remove_announced(listing)
    assert everything_in(tmp_path / "home") == set()


def test_removing_what_was_announced_spares_finished_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STAGED_LIST, str(tmp_path / "staged.txt"))
    with Outputs() as outputs:
        outputs.stage(tmp_path / "new" / "a.json").write_text("{}")
    remove_announced(tmp_path / "staged.txt")
    assert everything_in(tmp_path / "new") == {"a.json"}
    remove_announced(tmp_path / "absent.txt")


# A full disk


@pytest.mark.skipif(os.name == "nt", reason="no RLIMIT_FSIZE on Windows")
@pytest.mark.parametrize("existing", [False, True])
def test_a_full_disk_is_one_sentence_and_leaves_the_folder_as_it_was(tmp_path: Path, existing: bool) -> None:
    target = tmp_path / "patient"
    if existing:
        target.mkdir()
        (target / "ct.nii.gz").write_text("old")
    before = everything_in(tmp_path)
    done = run_python("-c", FULL_DISK, "phantom", target, "--spacing", 10, "--lesions", 0)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", FULL_DISK_SENTENCE)
    assert everything_in(tmp_path) == before


@pytest.mark.skipif(os.name == "nt", reason="no RLIMIT_FSIZE on Windows")
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.seg.nrrd", "a.csv", "a.json"])
def test_every_writer_tells_a_full_disk(tmp_path: Path, name: str) -> None:
    done = run_python("-c", FULL_DISK_WRITER, tmp_path / name)
    assert (done.returncode, done.stderr) == (1, FULL_DISK_SENTENCE)
    assert everything_in(tmp_path) == set()


# Formats


def test_json_is_utf8_and_ends_with_a_line_end(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "Ösophagus", "ml": 1.5})
    assert (tmp_path / "a.json").read_bytes() == '{\n  "name": "Ösophagus",\n  "ml": 1.5\n}\n'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_json_cannot_say(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"value": value})


def test_csv_has_six_digits_and_empty_cells_for_missing_values(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [{"a": 1 / 3, "b": "x,y"}, {"a": None}, {"b": 1234567}], ["a", "b"])
    assert (tmp_path / "a.csv").read_bytes() == b'a,b\n0.333333,"x,y"\n,\n,1234567\n'


def test_csv_refuses_a_column_that_is_not_announced(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'c'"):
        write_csv(tmp_path / "a.csv", [{"c": 1}], ["a"])


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("A.NII.GZ", ".nii.gz"), ("a.b.seg.nrrd", ".seg.nrrd"), ("a.gz", ".gz"), ("nii.gz", ".gz"), ("noname", "")],
)
def test_full_suffix(name: str, suffix: str) -> None:
    assert full_suffix(name) == suffix
