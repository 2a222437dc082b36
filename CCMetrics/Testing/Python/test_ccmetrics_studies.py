"""The thesis's studies as assertions: what each metric shows of a failure, and what it hides (5.1.4, 5.1.5.1)."""

from __future__ import annotations

import csv
import json
from itertools import pairwise

import numpy as np
import pytest
from AnatomyGuidedLib import plots
from AnatomyGuidedLib.cli import COMMANDS, Console
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled, UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.io import write_labelmap
from AnatomyGuidedLib.progress import no_progress
from AnatomyGuidedLib.study_options import StudyOptions
from CCMetricsLib.studies import cc_simulation, cc_spheres
from CCMetricsLib.studies.cases import CaseParameters, generated_cases
from CCMetricsLib.studies.simulation import (
    SCORES,
    SimulationParameters,
    lesions_needed,
    quartiles,
    simulate,
    simulate_case,
)
from CCMetricsLib.studies.spheres import (
    SphereParameters,
    dilated,
    eroded,
    findings,
    run_experiments,
    shifted,
    spheres_in_a_row,
    three_spheres,
    two_masks,
)
from scipy.ndimage import binary_dilation, binary_erosion

SPHERES = SphereParameters(radii=(5.5, 14.0, 26.0), gap=14, shifts=6)
CONSOLE = Console(progress=no_progress)


@pytest.fixture(scope="module")
def rows():
    return run_experiments(SPHERES)


def series(rows, experiment: str, score: str) -> np.ndarray:
    chosen = [row for row in rows if row["experiment"] == experiment and row["score"] == score]
    assert [row["step"] for row in chosen] == list(range(len(chosen)))
    return np.array([row["value"] for row in chosen], float)


def iou(dice: np.ndarray) -> np.ndarray:
    return dice / (2 - dice)


# Figure 28, top: all spheres erode


def test_all_scores_start_at_one(rows):
    firsts = [row for row in rows if row["step"] == 0 and row["experiment"] not in ("one_mask", "two_masks")]
    assert {row["value"] for row in firsts if row["score"].removeprefix("cc_").startswith(("dice", "pq", "nsd"))} == {
        1.0
    }
    assert {row["value"] for row in firsts if "hd95" in row["score"]} == {0.0}


def test_pq_falls_at_each_step_where_a_spheres_iou_drops_under_one_half(rows):
    crossings = set()
    for number in (1, 2, 3):
        above = iou(series(rows, "erode_all", f"dice_{number}")) > 0.5
        crossings |= set((np.flatnonzero(above[:-1] & ~above[1:]) + 1).tolist())
    assert len(crossings) == 3
    pq, cc_dice = series(rows, "erode_all", "pq"), series(rows, "erode_all", "cc_dice")
    assert findings(rows)["pq_falls_at_steps"] == sorted(crossings)
    for step in crossings:
        assert pq[step - 1] - pq[step] > 1.25 * (cc_dice[step - 1] - cc_dice[step])


def test_pq_rises_when_the_smallest_sphere_vanishes_and_cc_dice_never_does(rows):
    for experiment in ("erode_all", "erode_smallest"):
        pq, cc_dice = series(rows, experiment, "pq"), series(rows, experiment, "cc_dice")
        assert (np.flatnonzero(np.diff(pq) > 1e-9) + 1).tolist() == [6]  # 5 erosions leave the centre of radius 5.5
        assert (np.diff(cc_dice) <= 1e-12).all()


def test_dice_follows_the_largest_sphere_and_cc_dice_is_the_mean_of_all(rows):
    dice = series(rows, "erode_all", "dice")
    spheres = [series(rows, "erode_all", f"dice_{number}") for number in (1, 2, 3)]
    np.testing.assert_allclose(series(rows, "erode_all", "cc_dice"), np.mean(spheres, axis=0), atol=1e-12)
    assert (np.abs(dice - spheres[2]) < np.abs(dice - spheres[1])).sum() >= len(dice) - 1


# Figure 28, middle: the smallest sphere erodes


def test_cc_dice_tends_to_two_thirds_when_the_smallest_sphere_erodes_away(rows):
    cc_dice, dice = series(rows, "erode_smallest", "cc_dice"), series(rows, "erode_smallest", "dice")
    assert cc_dice[-1] == pytest.approx(2 / 3, abs=1e-12)
    assert (np.diff(cc_dice[:6]) < 0).all()
    assert dice.min() > 0.98


def test_pq_is_blind_between_one_half_and_nothing(rows):
    pq, dice = series(rows, "erode_smallest", "pq"), series(rows, "erode_smallest", "dice_1")
    between = (iou(dice) < 0.5) & (dice > 0)
    assert between.sum() >= 3
    assert np.ptp(pq[between]) == 0
    assert pq[between][0] == pytest.approx(2 * 2 / (3 + 3))
    assert pq[-1] == pytest.approx(2 * 2 / (3 + 2))


# Figure 28, bottom: lesion Dice


def test_lesion_dice_falls_where_two_masks_merge_and_cc_dice_does_not(rows):
    lesion_dice, cc_dice = series(rows, "dilate_equal", "lesion_dice"), series(rows, "dilate_equal", "cc_dice")
    assert findings(rows)["lesion_dice_falls_at_steps"] == [3, 7]  # gaps of 6 and 14 voxels close
    np.testing.assert_allclose(lesion_dice[:3], cc_dice[:3], atol=0.02)
    assert (lesion_dice[3:] < cc_dice[3:] - 0.1).all()
    loss = -np.diff(cc_dice)
    assert (loss[1:] <= loss[:-1] + 1e-3).all()  # ever smaller steps, without a jump


def test_dice_agrees_with_cc_dice_when_all_spheres_are_equal(rows):
    np.testing.assert_allclose(series(rows, "dilate_equal", "dice"), series(rows, "dilate_equal", "cc_dice"), atol=0.02)


def test_lesion_dice_does_not_prefer_the_prediction_with_fewer_false_positives(rows):
    one, two = (
        {name: series(rows, which, name)[0] for name in ("lesion_dice", "cc_dice")}
        for which in ("one_mask", "two_masks")
    )
    assert one["lesion_dice"] == pytest.approx(two["lesion_dice"], abs=1e-12)
    assert one["cc_dice"] > two["cc_dice"] + 0.1


# Figure 29


def test_hd95_ignores_the_erosion_of_the_small_sphere_and_cc_hd95_does_not(rows):
    assert series(rows, "erode_smallest_hd95", "hd95_mm").max() == 0.0
    small, large = (series(rows, f"erode_{which}_hd95", "cc_hd95_mm") for which in ("smallest", "largest"))
    assert (np.diff(small) > 0).all()
    np.testing.assert_allclose(small, large, atol=0.25)
    assert series(rows, "erode_largest_hd95", "hd95_mm")[-1] > 2.5 * large[-1]


def test_surface_dice_hardly_moves_when_the_smallest_sphere_shifts_and_cc_surface_dice_does(rows):
    nsd, cc_nsd = series(rows, "shift_smallest", "nsd"), series(rows, "shift_smallest", "cc_nsd")
    assert nsd.min() > 0.95
    assert cc_nsd.min() < 0.8
    large, cc_large = series(rows, "shift_largest", "nsd"), series(rows, "shift_largest", "cc_nsd")
    assert large.min() < 0.6
    np.testing.assert_allclose(cc_nsd, cc_large, atol=0.06)
    assert (cc_nsd[:3] == 1).all()  # within the tolerance of 2 mm


# The spheres themselves


def test_erosion_and_dilation_are_scipys_step_by_step():
    reference = spheres_in_a_row([3.5, 6.0], [5], margin=6)
    mask = reference.values > 0
    for steps in (1, 2, 4):
        np.testing.assert_array_equal(eroded(reference, steps).values, binary_erosion(mask, iterations=steps))
        np.testing.assert_array_equal(dilated(reference, steps).values, binary_dilation(mask, iterations=steps))
    small = reference.values == 1
    np.testing.assert_array_equal(
        eroded(reference, 2, (1,)).values, binary_erosion(small, iterations=2) | (mask & ~small)
    )


def test_spheres_have_the_gaps_and_a_shift_moves_one():
    reference = three_spheres(SPHERES)
    line = reference.values.max(axis=(1, 2))
    edges = [np.flatnonzero(line == number)[[0, -1]] for number in (1, 2, 3)]
    assert [int(second[0] - first[1]) - 1 for first, second in pairwise(edges)] == [14, 14]
    moved = shifted(reference, 3, 1)
    np.testing.assert_array_equal(moved.values[:, 3:][reference.values[:, :-3] == 1], 1)
    assert moved.values.sum() == np.count_nonzero(reference.values)


def test_the_masks_of_the_pitfall_have_one_size():
    reference = spheres_in_a_row([6.0, 6.0], [24], margin=8)
    one, two = two_masks(reference)
    assert two.values.sum() == 2 * one.values.sum()
    assert one.values[reference.values > 0].all()


# Figures 30 to 33 and 42 to 45

PATIENTS = CaseParameters(cases=6, mean_lesions=6.0, shape=(72, 64, 64))
SIMULATION = SimulationParameters(most=4, generated=PATIENTS)


@pytest.fixture(scope="module")
def simulated():
    return simulate(generated_cases(PATIENTS, 0), SIMULATION).rows


def median(rows, degradation: str, order: str, score: str, n: int) -> float:
    return float(
        np.median(
            [row[score] for row in rows if (row["degradation"], row["order"], row["n"]) == (degradation, order, n)]
        )
    )


def test_the_undegraded_prediction_is_perfect(simulated):
    for row in simulated:
        if row["n"] == 0:
            assert [row[name] for name in SCORES] == [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]


def test_dropping_the_smallest_hardly_moves_dice_and_cc_dice_loses_a_share_a_lesion(simulated):
    chosen = [row for row in simulated if (row["degradation"], row["order"]) == ("drop", "smallest")]
    for row in chosen:
        assert row["missed_components"] == row["n"]
        assert row["cc_dice"] == pytest.approx(1 - row["n"] / row["lesions"])
    many = [row for row in chosen if row["n"] == 4]
    assert len(many) >= 3
    assert np.median([row["dice"] for row in many]) > 0.85
    assert np.median([row["cc_dice"] for row in many]) < 0.65


def test_cc_dice_does_not_care_which_lesions_are_dropped_and_dice_does(simulated):
    for n in (1, 2, 4):
        smallest, largest = (median(simulated, "drop", order, "cc_dice", n) for order in ("smallest", "largest"))
        assert smallest == pytest.approx(largest)
    assert median(simulated, "drop", "largest", "dice", 2) < median(simulated, "drop", "smallest", "dice", 2) - 0.3


@pytest.mark.parametrize("degradation", ["enlarge", "erode", "insert"])
@pytest.mark.parametrize("metric", ["dice", "nsd"])
def test_degrading_the_smallest_moves_cc_metrics_more_than_standard_ones(simulated, degradation, metric):
    for n in (1, 3):
        whole, mean = (median(simulated, degradation, "smallest", name, n) for name in (metric, f"cc_{metric}"))
        assert mean < whole < 1


def test_cc_hd95_tells_how_many_lesions_are_wrong_and_hd95_soon_stays_as_it_is(simulated):
    means = [median(simulated, "enlarge", "largest", "cc_hd95_mm", n) for n in range(4)]
    assert (np.diff(means) > 0).all()
    assert [median(simulated, "enlarge", "largest", "hd95_mm", n) for n in (1, 2, 3)] == [2.0, 2.0, 2.0]


def test_an_eroded_lesion_is_never_missed(simulated):
    assert {row["missed_components"] for row in simulated if row["degradation"] in ("erode", "enlarge", "insert")} == {
        0
    }


def test_each_patient_takes_part_up_to_its_number_of_lesions(simulated):
    for degradation in ("drop", "insert"):
        last: dict[object, int] = {}
        for row in simulated:
            if row["degradation"] == degradation:
                last[(row["case"], row["lesions"])] = max(last.get((row["case"], row["lesions"]), 0), row["n"])
        for (_, lesions), n in last.items():
            assert n == min(4, lesions - 1 if degradation == "drop" else lesions)


def test_quartiles_are_over_the_patients_of_the_group():
    values = {"a": (12, 0.2), "b": (11, 0.4), "c": (10, 0.6), "d": (3, 1.0)}
    rows = [
        {"case": case, "lesions": lesions, "degradation": degradation, "order": "smallest", "n": n,
         **dict.fromkeys(SCORES, value)}
        for case, (lesions, value) in values.items() for degradation in ("drop", "erode") for n in range(11)
        if lesions >= lesions_needed(degradation, n)
    ]  # fmt: skip

    def found(group: str, degradation: str, n: int) -> dict[str, object]:
        key = {"group": group, "degradation": degradation, "n": n, "score": "cc_dice"}
        return next(row for row in quartiles(rows, 10) if row.items() >= key.items())

    assert found("fixed", "drop", 2)["patients"] == 2  # a and b
    assert found("fixed", "erode", 2)["patients"] == 3
    assert found("at_least_n", "erode", 3)["patients"] == 4
    assert found("at_least_n", "drop", 3)["patients"] == 3
    spread = found("at_least_n", "erode", 3)  # 0.2, 0.4, 0.6, 1.0
    assert [spread[name] for name in ("q25", "median", "q75")] == pytest.approx([0.35, 0.5, 0.7])
    assert found("fixed", "drop", 10)["median"] == pytest.approx(0.3)


def test_a_patient_without_lesions_takes_no_part_and_one_that_fails_is_listed():
    empty = Labelmap(np.zeros((4, 4, 4), np.uint8), Grid((4, 4, 4), np.eye(4)))

    def broken() -> Labelmap:
        raise AnatomyGuidedError("x.nii.gz is no label map.")

    done = simulate({"healthy": lambda: empty, "broken": broken}, SIMULATION)
    assert (done.rows, done.failed) == ([], {"broken": "x.nii.gz is no label map."})


def test_a_simulation_stops_when_asked():
    with pytest.raises(Cancelled):
        simulate_case(next(iter(generated_cases(PATIENTS, 0).values()))(), SIMULATION, cancelled=lambda: True)


def test_a_seed_gives_the_same_numbers():
    load = generated_cases(PATIENTS, 3)["case_0000"]
    parameters = SimulationParameters(most=1, generated=PATIENTS)
    assert simulate_case(load(), parameters, (3, 0)) == simulate_case(load(), parameters, (3, 0))


# The commands

SMALL_STUDY = {"most": 2, "generated": {"cases": 3, "mean_lesions": 4.0, "shape": [64, 56, 48]}}


def test_cc_simulation_writes_values_quartiles_and_figures(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: studies cannot draw")
    said: list[str] = []
    console = Console(progress=no_progress, result_stream=type("", (), {"write": said.append, "flush": lambda: None}))
    result = cc_simulation.run(StudyOptions(settings=SMALL_STUDY), tmp_path, console)
    assert json.loads((tmp_path / "study.json").read_text()) == json.loads(json.dumps(result))
    assert {path.name for path in tmp_path.iterdir()} == set(result["files"])
    with (tmp_path / "values.csv").open() as stream:
        values = list(csv.DictReader(stream))
    assert {row["case"] for row in values} == {"case_0000", "case_0001", "case_0002"}
    assert "figure30_drop_at_least_n.png" in result["files"]
    assert "figure45_erode_fixed.png" in result["files"]
    assert (tmp_path / "figure45_erode_fixed.png").read_bytes().startswith(b"\x89PNG")
    assert said[0].startswith("drop the 2 smallest of ")


def test_cc_simulation_runs_on_a_users_cohort_and_lists_what_fails(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: studies cannot draw")
    reference = generated_cases(CaseParameters(cases=1, mean_lesions=3.0, shape=(48, 40, 32)), 1)["case_0000"]()
    write_labelmap(reference, tmp_path / "a.nii.gz")
    (tmp_path / "pairs.csv").write_text("case,reference,prediction\np1,a.nii.gz,x\np2,absent.nii.gz,x\n")
    (tmp_path / "out").mkdir()
    options = StudyOptions(settings={"most": 1}, cohort=tmp_path / "pairs.csv")
    result = cc_simulation.run(options, tmp_path / "out", Console(progress=no_progress, note_stream=_Sink()))
    assert list(result["lesions"]) == ["p1"]
    assert list(result["failed"]) == ["p2"]
    assert str(tmp_path) not in json.dumps(result)


def test_a_cohort_without_any_lesion_is_refused(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: studies cannot draw")
    write_labelmap(Labelmap(np.zeros((4, 4, 4), np.uint8), Grid((4, 4, 4), np.eye(4))), tmp_path / "a.nii.gz")
    (tmp_path / "pairs.csv").write_text("case,reference\np1,a.nii.gz\n")
    with pytest.raises(AnatomyGuidedError, match="No case of the cohort has a lesion"):
        cc_simulation.run(StudyOptions(cohort=tmp_path / "pairs.csv"), tmp_path, CONSOLE)


def test_cc_spheres_writes_values_findings_and_figures(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: studies cannot draw")
    settings = {"radii": [3.5, 6.0, 9.0], "gap": 8, "equal_radius": 5.0, "dilations": 4, "shifts": 3}
    console = Console(progress=no_progress, result_stream=_Sink())
    result = cc_spheres.run(StudyOptions(settings=settings), tmp_path, console)
    assert {path.name for path in tmp_path.iterdir()} == set(result["files"])
    assert result["findings"]["cc_dice_when_the_smallest_is_gone"] == pytest.approx(2 / 3)
    assert (tmp_path / "figure28_overlap.png").stat().st_size > 20_000
    assert result["parameters"]["radii"] == (3.5, 6.0, 9.0)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (SphereParameters, {"radii": (3.0, 6.0)}, "three spheres"),
        (SphereParameters, {"radii": (9.0, 6.0, 3.0)}, "the smallest first"),
        (SphereParameters, {"radii": ()}, "radii must be above 0"),
        (SphereParameters, {"gap": 0}, "gap must be above 0"),
        (SimulationParameters, {"most": 0}, "most must be above 0"),
        (SimulationParameters, {"erode_mm": float("nan")}, "erode_mm must be above 0"),
        (CaseParameters, {"cases": 0}, "cases must be above 0"),
        (CaseParameters, {"shape": (64, 64)}, "three numbers"),
    ],
)
def test_settings_that_make_no_study_are_refused(kind, settings, message):
    with pytest.raises(UsageError, match=message):
        kind(**settings)


def test_cc_spheres_has_no_cohort(tmp_path):
    with pytest.raises(UsageError, match="without --cohort"):
        cc_spheres.run(StudyOptions(cohort=tmp_path / "pairs.csv"), tmp_path, CONSOLE)


def test_without_matplotlib_a_study_says_what_to_install_before_it_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(plots.importlib.util, "find_spec", lambda _name: None)
    for study in (cc_spheres, cc_simulation):
        with pytest.raises(AnatomyGuidedError, match=r"slicer-anatomy-guided\[plots\]"):
            study.run(StudyOptions(), tmp_path, CONSOLE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif("study" not in COMMANDS, reason="the command line does not know the command study")
def test_the_command_leaves_a_complete_folder(run_command, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: studies cannot draw")
    (tmp_path / "c.json").write_text(json.dumps(SMALL_STUDY))
    words = ("--config", tmp_path / "c.json", "--json", tmp_path / "r.json", "-o", tmp_path / "out")
    code, out, err = run_command("study", "cc-simulation", *words)
    assert (code, err) == (0, "")
    assert out.startswith("drop the 2 smallest")
    assert json.loads((tmp_path / "r.json").read_text()) == json.loads((tmp_path / "out" / "study.json").read_text())


class _Sink:
    def write(self, text: str) -> None:
        """Nothing; what is said here is not looked at."""

    def flush(self) -> None:
        """Nothing."""
