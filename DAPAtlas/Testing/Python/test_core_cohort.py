"""Cohorts on Dask: every case once, failures alone, nothing repeated, and an end when the user wants one."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from AnatomyGuidedLib import cohort_case, cohort_cluster
from AnatomyGuidedLib.cohort import Case, CohortResult, read_result, run_cohort
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError

distributed = pytest.importorskip("distributed", reason="cohorts need dask and distributed")

from cohort_works import read, trouble  # noqa: E402
from dask_processes import DaskProcesses, dask_processes  # noqa: E402


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    """Two workers that the tests of this file share."""
    with dask_processes(tmp_path_factory.mktemp("dask")) as processes:
        yield processes


def text_cases(folder: Path, count: int = 4, **settings: object) -> list[Case]:
    """Cases with one small file each."""
    cases = []
    for index in range(count):
        path = folder / f"case_{index}.txt"
        path.write_text(f"content {index}", encoding="utf-8")
        cases.append(Case(path.stem, {"text": str(path)}, settings))
    return cases


def troubled(folder: Path, *does: str) -> list[Case]:
    return [Case(f"case_{index}", {}, {"does": what, "folder": str(folder)}) for index, what in enumerate(does)]


def names(ended) -> list[str]:
    return [one.case.name for one in ended]


def fingerprints(result: CohortResult) -> dict[str, int]:
    return {done.case.name: done.path.stat().st_mtime_ns for done in result.done}


def test_each_case_has_its_result_in_the_order_given(cluster, tmp_path) -> None:
    told: list[tuple[float, str]] = []
    result = run_cohort(
        text_cases(tmp_path, 5),
        read,
        tmp_path / "out",
        scheduler=cluster.address,
        progress=lambda fraction, text: told.append((fraction, text)),
    )
    assert names(result.done) == [f"case_{index}" for index in range(5)]
    assert [read_result(done.path)["text"] for done in result.done] == [f"content {index}" for index in range(5)]
    assert result.failed == ()
    assert [text for _, text in told] == [f"{count} of 5 cases" for count in range(1, 6)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"case_{index}.json" for index in range(5)]


def test_no_case_is_no_work(tmp_path) -> None:
    assert run_cohort([], read, tmp_path / "out") == CohortResult((), ())


def test_a_failing_case_fails_alone_with_its_sentence(cluster, tmp_path) -> None:
    cases = troubled(tmp_path, "", "refuse", "stumble", "overflow", "")
    result = run_cohort(cases, trouble, tmp_path / "out", scheduler=cluster.address)
    assert names(result.done) == ["case_0", "case_4"]
    refused, stumbled, overflowed = (failed.reason for failed in result.failed)
    assert refused == "This input is bad."
    assert "IndexError: no such thing" in stumbled
    assert "memory" in overflowed
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"case_0.json", "case_4.json"}


def test_a_missing_file_is_named_without_its_folder(cluster, tmp_path) -> None:
    result = run_cohort(
        [Case("a", {"text": str(tmp_path / "gone.txt")})], read, tmp_path / "out", scheduler=cluster.address
    )
    assert result.failed[0].reason.startswith("gone.txt does not exist")


def test_a_case_whose_worker_is_lost_runs_again_and_one_that_kills_its_workers_fails_alone(tmp_path) -> None:
    cases = troubled(tmp_path, "", "die once", "", "die", "", "")
    result = run_cohort(cases, trouble, tmp_path / "out", workers=2)
    assert names(result.done) == ["case_0", "case_1", "case_2", "case_4", "case_5"]
    assert names(result.failed) == ["case_3"]
    assert "Every worker process that ran this case ended" in result.failed[0].reason


def test_resume_repeats_only_what_changed(cluster, tmp_path) -> None:
    log = tmp_path / "log"
    cases = text_cases(tmp_path, log=str(log))
    again = {"scheduler": cluster.address, "resume": True}
    first = run_cohort(cases, read, tmp_path / "out", **again)
    assert not any(done.was_kept for done in first.done)

    Path(cases[0].files["text"]).touch()  # a newer date, the same content
    second = run_cohort(cases, read, tmp_path / "out", **again)
    assert all(done.was_kept for done in second.done)
    assert fingerprints(second) == fingerprints(first)

    Path(cases[2].files["text"]).write_text("other content", encoding="utf-8")
    third = run_cohort(cases, read, tmp_path / "out", **again)
    assert [done.case.name for done in third.done if not done.was_kept] == ["case_2"]
    assert read_result(third.done[2].path)["text"] == "other content"
    assert sorted(log.read_text(encoding="utf-8").split()) == ["case_0", "case_1", "case_2", "case_2", "case_3"]


def test_other_settings_another_work_or_no_resume_repeat_every_case(cluster, tmp_path) -> None:
    another_work = "cohort_works:read_again"

    def kept(cases: list[Case], work: object = read, *, resume: bool = True) -> int:
        result = run_cohort(cases, work, tmp_path / "out", scheduler=cluster.address, resume=resume)
        return sum(done.was_kept for done in result.done)

    plain = text_cases(tmp_path, 2)
    assert kept(plain) == 0
    assert kept(plain) == 2
    assert kept(plain, resume=False) == 0
    assert kept(text_cases(tmp_path, 2, place="elsewhere")) == 0
    assert kept(text_cases(tmp_path, 2, place="elsewhere"), another_work) == 0


def test_a_damaged_result_is_made_again_and_a_detached_header_is_never_trusted(cluster, tmp_path) -> None:
    cases = [*text_cases(tmp_path, 2)]
    header = tmp_path / "voxels_elsewhere.nhdr"
    header.write_text("header", encoding="utf-8")
    cases.append(Case("detached", {"text": str(header)}))
    first = run_cohort(cases, read, tmp_path / "out", scheduler=cluster.address)
    first.done[0].path.write_text('{"fingerprint": "cut', encoding="utf-8")
    second = run_cohort(cases, read, tmp_path / "out", scheduler=cluster.address, resume=True)
    assert [done.was_kept for done in second.done] == [False, True, False]


def test_a_folder_of_files_counts_by_its_content(tmp_path) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    (folder / "1.dcm").write_bytes(b"one")
    task = cohort_case.Task("cohort_works:trouble", Case("a", {"ct": str(folder)}), tmp_path / "a.json", True)
    assert cohort_case._fingerprint(task) == cohort_case._fingerprint(task)
    before = cohort_case._fingerprint(task)
    (folder / "2.dcm").write_bytes(b"two")
    assert cohort_case._fingerprint(task) != before


def test_a_case_that_fails_leaves_no_older_result(cluster, tmp_path) -> None:
    cases = text_cases(tmp_path, 2)
    run_cohort(cases, read, tmp_path / "out", scheduler=cluster.address)
    Path(cases[1].files["text"]).unlink()
    result = run_cohort(cases, read, tmp_path / "out", scheduler=cluster.address, resume=True)
    assert names(result.failed) == ["case_1"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["case_0.json"]


def test_cancel_stops_the_running_case_and_keeps_the_finished(cluster, tmp_path) -> None:
    cases = troubled(tmp_path, "", "wait", "wait", "")
    finished, waiting = tmp_path / "out" / "case_0.json", tmp_path / "case_1"
    with pytest.raises(Cancelled):
        run_cohort(
            cases,
            trouble,
            tmp_path / "out",
            scheduler=cluster.address,
            cancelled=lambda: finished.exists() and waiting.exists(),
        )
    assert finished.exists()
    wait_for((tmp_path / "case_1.stopped").exists)
    assert not (tmp_path / "out" / "case_1.json").exists()
    assert run_cohort(cases[:1], trouble, tmp_path / "out", scheduler=cluster.address, resume=True).done[0].was_kept


def test_a_scheduler_file_names_the_scheduler(cluster, tmp_path) -> None:
    listing = tmp_path / "scheduler.json"
    listing.write_text(json.dumps({"address": cluster.address, "type": "Scheduler"}), encoding="utf-8")
    assert len(run_cohort(text_cases(tmp_path, 1), read, tmp_path / "out", scheduler=str(listing)).done) == 1


def test_workers_without_the_package_are_told_at_once(cluster, tmp_path) -> None:
    with pytest.raises(AnatomyGuidedError, match="cannot import package_that_is_not_there; install"):
        run_cohort(
            text_cases(tmp_path, 1), "package_that_is_not_there:work", tmp_path / "out", scheduler=cluster.address
        )


def test_a_scheduler_that_goes_away_ends_the_run_and_finished_cases_stay(tmp_path) -> None:
    with (
        dask_processes(tmp_path, workers=1) as own,
        pytest.raises(AnatomyGuidedError, match=r"connection to the scheduler was lost.*--resume"),
    ):
        run_cohort(
            troubled(tmp_path, "", "wait"),
            trouble,
            tmp_path / "out",
            scheduler=own.address,
            progress=lambda *_: own.kill_scheduler(),
        )
    assert (tmp_path / "out" / "case_0.json").exists()


def test_a_scheduler_without_workers_is_waited_for_with_a_word_and_then_given_up(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("AnatomyGuidedLib.cohort._RESTART_S", 0.1)
    monkeypatch.setattr("AnatomyGuidedLib.cohort._LOOK_S", 0.05)
    said: list[str] = []
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as own,
        pytest.raises(AnatomyGuidedError, match=r"no worker for 0\.5 s; start workers"),
    ):
        run_cohort(
            text_cases(tmp_path, 1),
            read,
            tmp_path / "out",
            scheduler=own.scheduler_address,
            patience_s=0.5,
            note=said.append,
        )
    assert said == ["The scheduler has no worker at the moment; waiting for one."]


def test_an_address_where_nothing_answers_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(cohort_cluster, "_CONNECT_S", 0.3)
    with pytest.raises(AnatomyGuidedError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        run_cohort(text_cases(tmp_path, 1), read, tmp_path / "out", scheduler="tcp://127.0.0.1:9")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("address", ["carrier-pigeon://roof:1", "scheduler", "tcp://127.0.0.1", "absent.json", ""])
def test_an_address_that_is_none_is_refused(tmp_path, address) -> None:
    with pytest.raises(UsageError, match="is no scheduler's address"):
        run_cohort(text_cases(tmp_path, 1), read, tmp_path / "out", scheduler=address)


def test_without_dask_the_sentence_says_what_to_install(tmp_path, monkeypatch) -> None:
    def absent(name: str) -> object:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(UsageError, match=r'pip install "dask" "distributed"'):
        run_cohort(text_cases(tmp_path, 1), read, tmp_path / "out")


def test_processes_that_do_not_start_are_told(tmp_path, monkeypatch) -> None:
    def broken(**_: object) -> object:
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(distributed, "LocalCluster", broken)
    with pytest.raises(AnatomyGuidedError, match=r"1 worker processes could not be started.*Nanny failed"):
        run_cohort(text_cases(tmp_path, 1), read, tmp_path / "out", workers=1)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"workers": 0}, "1 or more"), ({"workers": 1, "scheduler": "tcp://127.0.0.1:9"}, "not both")],
)
def test_a_contradictory_call_is_refused(tmp_path, options, sentence) -> None:
    with pytest.raises(UsageError, match=sentence):
        run_cohort(text_cases(tmp_path, 1), read, tmp_path / "out", **options)


def test_names_that_a_disk_cannot_tell_apart_are_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match='"Case" and "case" share a name'):
        run_cohort([Case("Case", {}), Case("case", {})], read, tmp_path / "out")


def test_a_work_that_no_worker_can_import_is_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="function of a module"):
        run_cohort([], lambda *_: {}, tmp_path / "out")


def test_an_output_folder_that_is_a_file_is_refused(cluster, tmp_path) -> None:
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(AnatomyGuidedError, match="out could not be written"):
        run_cohort(text_cases(tmp_path, 1), read, tmp_path / "out", scheduler=cluster.address)


@pytest.mark.parametrize("name", ["../../etc/passwd", "Müller", "a b", "con", ".", "", "x" * 300])
def test_any_name_becomes_a_file_in_the_folder(tmp_path, name) -> None:
    path = cohort_case.result_path(tmp_path, Case(name, {}))
    assert path.parent == tmp_path
    assert path.name.isascii()
    assert len(path.name) < 120
    assert path.stem not in ("", name)


def test_a_result_that_cannot_be_seen_here_says_that_the_disk_is_not_shared(cluster, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("AnatomyGuidedLib.cohort._SHARED_DISK_S", 0.1)
    result = run_cohort(
        text_cases(tmp_path, 1),
        read,
        tmp_path / "out",
        scheduler=cluster.address,
        progress=lambda *_: (tmp_path / "out" / "case_0.json").unlink(),
    )
    assert "a disk that this machine and all workers share" in result.failed[0].reason


def test_a_file_that_is_no_result_is_refused(tmp_path) -> None:
    (tmp_path / "a.json").write_text('{"format": "other"}', encoding="utf-8")
    with pytest.raises(AnatomyGuidedError, match=r"a\.json is no readable result"):
        read_result(tmp_path / "a.json")


def wait_for(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < end, "it did not happen in 20 s"
        time.sleep(0.02)
