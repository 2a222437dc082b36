"""The command line as a user meets it: exit codes, one-line errors, clean outputs, quick and light start."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from AnatomyGuidedLib import __version__, cli
from testing_data import ct_values, everything_in, refusal, run_python, write_nifti

HEAVY = ("torch", "SimpleITK", "monai", "transformers", "slicer", "vtk", "qt")
LIBS = ["AnatomyGuidedLib", "AnatomyGuidedLib.cli", "DAPAtlasLib", "PathologySegLib", "LIMISLib", "CCMetricsLib"]
READY = [name for name, (module, _) in cli.COMMANDS.items() if importlib.util.find_spec(module)]

Run = Callable[..., tuple[int, str, str]]


def as_process(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
    return run_python("-m", "AnatomyGuidedLib.cli", *words, **options)


# Exit codes, by a process of its own


def test_exit_0_with_results_on_standard_output_and_in_json(tmp_path: Path) -> None:
    done = as_process("phantom", tmp_path / "p", "--spacing", 10, "--json", tmp_path / "r.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "r.json").read_text())["spacing_mm"] == 10
    assert (tmp_path / "p" / "ct.nii.gz").is_file()


def test_exit_1_for_bad_input_with_one_line_and_nothing_on_standard_output(tmp_path: Path) -> None:
    done = as_process("atlas", tmp_path / "gone.nii.gz", "--experts", "rules", "-o", tmp_path / "a.seg.nrrd")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "gone.nii.gz does not exist; check the path.\n"
    assert everything_in(tmp_path) == set()


def test_exit_2_for_a_wrong_call_with_one_line_and_nothing_on_standard_output() -> None:
    done = as_process("atlantis")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "atlantis" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["atlas", "ct.nii.gz", "-o", "a.nii.gz", "--unknown"],
        ["atlas", "ct.nii.gz"],
        ["atlas", "ct.nii.gz", "-o", "a.nii.gz", "--experts", "nobody"],
        ["atlas", "ct.nii.gz", "-o", "a.nii.gz", "--experts", "file:x.nii.gz@atlantis"],
        ["atlas", "ct.nii.gz", "-o", "a.nii.gz", "--sex", "X"],
        ["lesions", "ct.nii.gz", "pet.nii.gz", "-o", "a.nii.gz", "--model", "magic"],
        ["phantom"],
        ["phantom", "out", "--spacing", "wide"],
        ["models", "explode"],
        ["--unknown"],
        ["--json", "r.json", "phantom", "out"],
    ],
)
def test_a_wrong_call_exits_2_with_one_line(
    words: list[str], run_command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_nifti(tmp_path / "ct.nii.gz", ct_values())
    code, out, err = run_command(*words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert everything_in(tmp_path) == {"ct.nii.gz"}


@pytest.mark.parametrize(
    "words",
    [
        ["/data/Secret Person/ct.nii.gz"],
        [r"C:\data\Secret Person\ct.nii.gz"],
        ["--spacing=/data/Secret Person/ct.nii.gz"],
        ["--spacing", r"C:\data\Secret Person\ct.nii.gz"],
        ["--sex", "../Secret/ct.nii.gz/"],
    ],
)
def test_a_wrong_call_does_not_repeat_folders(words: list[str], run_command: Run) -> None:
    code, _, err = run_command("phantom", "out", *words)
    assert code == 2
    assert "Secret" not in err
    assert "ct.nii.gz" in err


@pytest.mark.parametrize("lesions", ["-1"])
def test_a_value_out_of_range_is_one_line(lesions: str, run_command: Run, tmp_path: Path) -> None:
    code, out, err = run_command("phantom", tmp_path / "p", "--spacing", 10, "--lesions", lesions)
    assert code in (1, 2)
    assert (out, err.count("\n")) == ("", 1)
    assert everything_in(tmp_path) == set()


# Help


@pytest.mark.parametrize("name", READY)
def test_the_help_of_each_command_has_an_example_and_loads_nothing_heavy(name: str) -> None:
    code = f"""
import sys
from AnatomyGuidedLib.cli import main
try:
    main([{name!r}, "--help"])
except SystemExit as end:
    assert not end.code
print([module for module in {HEAVY!r} if module in sys.modules])
"""
    done = run_python("-c", code)
    assert (done.returncode, done.stderr) == (0, "")
    assert "example" in done.stdout
    assert f"\n  anatomyguided {name} " in done.stdout
    assert "--json" in done.stdout
    assert "--result" not in done.stdout
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_the_top_help_lists_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert not ended.value.code
    text = capsys.readouterr().out
    assert all(f"  {name} " in text and summary in text for name, (_, summary) in cli.COMMANDS.items())


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"anatomyguided {__version__}\n"


@pytest.mark.parametrize("lib", LIBS)
def test_importing_a_lib_takes_under_a_second_of_work_and_no_torch(lib: str) -> None:
    code = f"""
import sys, time
start = time.process_time()
import {lib}
print(time.process_time() - start, [module for module in {HEAVY!r} if module in sys.modules])
"""
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    seconds, _, loaded = done.stdout.partition(" ")
    assert float(seconds) < 1.0
    assert loaded == "[]\n"


# Stopping and outputs


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM handlers")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_a_command_removes_its_temporary_files(number: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "AnatomyGuidedLib.cli", "phantom", str(tmp_path / "p"), "--spacing", "1.5"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job's child would ignore it otherwise
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    wait_for(lambda: bool(everything_in(tmp_path)))
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err == "Stopped; nothing was written.\n"
    assert everything_in(tmp_path) == set()


def test_json_and_output_of_one_name_are_refused(run_command: Run, tmp_path: Path) -> None:
    ct = write_nifti(tmp_path / "ct.nii.gz", ct_values())
    same = tmp_path / "same.nii.gz"
    code, _, err = run_command("atlas", ct, "--experts", "rules", "-o", same, "--json", same)
    assert (code, err) == (1, "same.nii.gz is named for two outputs; give each its own name.\n")
    assert everything_in(tmp_path) == {"ct.nii.gz"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["lesions", "ct.nii.gz", "pet.nii.gz", "-o", "l.nii.gz", "--csv", "tables/"],
            "--csv: tables is a folder's name",
        ),
        (["lesions", "ct.nii.gz", "pet.nii.gz", "-o", "l.nii.gz", "--csv", "l.xyz"], "--csv: l.xyz must end in .csv"),
        (["evaluate", "a.nii.gz", "b.nii.gz", "--csv", "l.nii.gz"], "--csv: l.nii.gz must end in .csv"),
        (["plausibility", "a.nii.gz", "--csv", "l"], "--csv: l must end in .csv"),
        (["phantom", "p", "--json", "reports/"], "--json: reports is a folder's name, but a file's was expected"),
    ],
)
def test_a_table_ends_in_csv_and_no_file_is_called_as_a_folder(
    words: list[str], said: str, run_command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run_command(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert everything_in(tmp_path) == set()


def test_an_output_below_a_file_is_one_sentence(run_command: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, out, err = run_command("phantom", tmp_path / "file" / "p", "--spacing", 10)
    assert (code, out) == (1, "")
    assert err.startswith("p could not be written (Not a directory)")
    assert err.count("\n") == 1


def test_a_library_that_warns_or_logs_stays_off_standard_error(tmp_path: Path) -> None:
    path = write_nifti(
        tmp_path / "a.nii.gz", ct_values(), header={"pixdim": [0.3, 1, 1, 1, 1, 1, 1, 1], "magic": b"xx1"}
    )
    done = as_process("atlas", path, "--experts", "rules", "-o", tmp_path / "a.seg.nrrd")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


# Faults while a command runs


class FaultyCommand:
    """A command that meets a fault after it has staged its output."""

    def __init__(self, fault: BaseException, target: Path) -> None:
        self.fault, self.target = fault, target

    def run(self, arguments: object, console: cli.Console, outputs: cli.Outputs) -> dict[str, object]:  # noqa: ARG002
        outputs.stage(self.target).write_text("half")
        raise self.fault


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (MemoryError(), "memory is not enough"),
        (OSError(28, "No space left on device"), "The disk is full"),
        (OSError(13, "Permission denied", "/data/Secret Person/a.nii.gz"), "a.nii.gz cannot be read or written"),
        (OSError("odd"), "the output cannot be read or written (odd)"),
    ],
)
def test_a_fault_of_the_machine_is_one_sentence_in_process_too(fault: Exception, words: str, tmp_path: Path) -> None:
    namespace = cli.argparse.Namespace(json=tmp_path / "new" / "r.json", result=None)
    command = FaultyCommand(fault, tmp_path / "a.txt")
    message = refusal(lambda: cli.execute(namespace, command, cli.Console(lambda *_: None)))
    assert words in message
    assert "Secret" not in message
    assert everything_in(tmp_path) == set()
