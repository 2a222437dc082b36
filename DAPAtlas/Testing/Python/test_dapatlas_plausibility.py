"""Verdicts on structures: volumes worked out by hand, made patients without and with faults, and the command."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.io import write_labelmap, write_volume
from AnatomyGuidedLib.labels import id_of, ids_where, label_by_id, structures
from AnatomyGuidedLib.phantom import PatientOptions, make_anatomy, make_patient
from AnatomyGuidedLib.phantom.faults import inject
from DAPAtlasLib.disagreement import Agreement
from DAPAtlasLib.plausibility import facts
from DAPAtlasLib.plausibility.assess import COLUMNS, Assessment, assess, counts, to_look_at
from DAPAtlasLib.plausibility.case import Case
from DAPAtlasLib.plausibility.page import plausibility_page
from DAPAtlasLib.rules.pieces import in_pieces
from made_images import grid, labelmap, reoriented

LIVER, SPLEEN, KIDNEY = (id_of(name) for name in ("Liver", "Spleen", "Kidney Left"))


def rows_of(labels: Labelmap, sex: str | None = None, **known: object) -> dict[str, Assessment]:
    found = assess(Case(in_pieces(labels), sex, **known))  # type: ignore[arg-type]
    return {label_by_id(row.label).name: row for row in found}


def said(row: Assessment, check: str) -> tuple[str, str]:
    evidence = next(one for one in row.evidence if one.check == check)
    return evidence.verdict, evidence.sentence


def block(voxels: int, *, at: int = 1, label: int = LIVER) -> Labelmap:
    """A line of voxels of 1 ml (10 mm) each in an image of 40 x 60 x 60."""
    values = np.zeros((40, 60, 60), np.uint8)
    for number in range(voxels):
        values[at + number // 2500, 1 + number // 50 % 50, 1 + number % 50] = label
    return labelmap(values, grid((40, 60, 60), (10.0, 10.0, 10.0)))


# Worked out by hand


@pytest.mark.parametrize(
    ("voxels", "sex", "verdict"),
    [
        (1200, "F", "pass"),  # published: 753.5 to 2068 ml in women, 990 to 2430 ml in men
        (900, "F", "pass"),
        (900, "M", "warn"),
        (900, None, "pass"),
        (2200, "F", "warn"),
        (2200, None, "pass"),
        (400, "M", "fail"),  # less than half of the lowest
        (5000, None, "fail"),
    ],
)
def test_a_liver_is_held_against_the_published_range_of_its_sex(voxels, sex, verdict):
    assert said(rows_of(block(voxels), sex)["Liver"], "volume")[0] == verdict


def test_a_range_that_is_one_reference_persons_goes_on_by_half():
    assert facts.volume_range("Vertebra T1", "M").is_estimate  # 19.8 to 79.1 ml
    for voxels, verdict in ((14, "pass"), (12, "warn"), (6, "fail"), (118, "pass"), (119, "warn")):
        assert said(rows_of(block(voxels, label=id_of("Vertebra T1")), "M")["Vertebra T1"], "volume")[0] == verdict


def test_what_the_image_may_have_cut_is_not_called_small_and_a_child_has_no_range():
    assert said(rows_of(block(100, at=0))["Liver"], "volume")[0] == "not evaluable"
    assert said(rows_of(block(100))["Liver"], "volume")[0] == "fail"
    assert said(rows_of(block(100), age=9.0)["Liver"], "volume") == (
        "not evaluable",
        "Published ranges are those of adults.",
    )


def test_two_sides_are_compared_with_what_is_usual():
    both = block(150, label=id_of("Kidney Right")).values.copy()
    both[5, 1:51, 1:2] = KIDNEY
    row = rows_of(labelmap(both, grid(both.shape, (10.0, 10.0, 10.0))))["Kidney Left"]
    assert said(row, "ratio") == ("warn", "0.33 times as large as Kidney Right, where 1.00 is usual.")


def test_hu_and_agreement_speak_where_they_are_known():
    rows = rows_of(block(1200), mean_hu={LIVER: -700.0}, agreement={LIVER: Agreement(LIVER, 1200, 100, 100, 90)})
    assert said(rows["Liver"], "HU") == ("fail", "Mean -700 HU, where -20 to 250 is possible.")
    assert said(rows["Liver"], "agreement")[0] == "warn"
    alone = rows_of(block(1200), agreement={LIVER: Agreement(LIVER, 1200, 1200, 0, 0)})
    assert said(alone["Liver"], "agreement")[0] == "not evaluable"


def test_pieces_count_by_their_share():
    values = block(1200).values.copy()
    values[20, 20, 20] = LIVER
    on = grid(values.shape, (10.0, 10.0, 10.0))
    assert said(rows_of(labelmap(values, on))["Liver"], "pieces")[0] == "pass"  # a speck of 1/1200
    values[20, 20:40, 20] = LIVER
    assert said(rows_of(labelmap(values, on))["Liver"], "pieces")[0] == "pass"  # 1.7 percent
    values[20, 20:40, 21:40] = LIVER
    row = rows_of(labelmap(values, on))["Liver"]
    assert said(row, "pieces")[0] == "fail"
    place = np.rint(on.ijk_from_ras(row.place_ras_mm)).astype(int)
    assert place[0] == 20  # the position is in the second piece


def test_every_fact_is_of_a_structure_and_in_order():
    for label in structures():
        if ends := facts.hu_range(label):
            assert ends[0] < ends[1]
        if published := facts.volume_range(label.name, None):
            assert published.low_ml < published.high_ml
    names = {label.name for label in structures()}
    assert set(facts._levels()) <= names
    assert all(upper.vertebra in names and lower.vertebra in names for upper, lower in facts._levels().values())
    assert set(facts._hu()) <= names | {label.group for label in structures()}


def test_a_vertebra_is_as_large_as_its_neighbours():
    values = np.zeros((12, 12, 30), np.uint8)
    for level, height in ((8, 4), (9, 6), (10, 4)):  # T8, T9, T10 upwards from below
        values[2:10, 2:10, 25 - 7 * (level - 8) - height : 25 - 7 * (level - 8)] = id_of(f"Vertebra T{level}")
    rows = rows_of(labelmap(values, grid(values.shape, (4.0, 4.0, 4.0))))
    verdict, sentence = said(rows["Vertebra T9"], "size")
    assert (verdict, sentence[:19]) == ("warn", "It is 1.50 times as")


# Made patients


@pytest.mark.parametrize("seed", [0, 1, 2, 5])
def test_hardly_anything_of_a_normal_patient_is_doubted(seed):
    sex = "FM"[seed % 2]
    anatomy, _ = make_anatomy(spacing_mm=4.0, sex=sex, seed=seed)
    rows = [*rows_of(anatomy, sex).values()]
    assert len(rows) > 130
    assert not counts(rows)["fail"]
    assert len(to_look_at(rows)) <= 3


@pytest.mark.parametrize(
    "fault",
    [
        "left-right-swap-whole",
        "vertebrae-shifted",
        "vertebra-fragment",
        "ribs-shifted",
        "ribs-merged",
        "rib-missing",
        "other-sex",
        "gonads-in-head",
        "bladder-in-abdomen",
        "lobe-missing",
    ],
)
def test_a_fault_is_seen_in_a_structure_that_it_touched(fault):
    anatomy, _ = make_anatomy(spacing_mm=4.0, sex="M", seed=4)
    injected = inject(fault, anatomy, rng=np.random.default_rng(2))
    touched = {
        *injected.labelmap.values[injected.changed].tolist(),
        *injected.original.values[injected.changed].tolist(),
    }
    before = {row.label for row in to_look_at([*rows_of(injected.original, "M").values()])}
    doubted = {row.label for row in to_look_at([*rows_of(injected.labelmap, "M").values()])} - before
    assert doubted & touched


def test_organs_on_the_other_side_are_situs_inversus_or_a_mirrored_image():
    anatomy, _ = make_anatomy(spacing_mm=4.0, sex="F", seed=2)
    swapped = anatomy.values.copy()
    partners = np.arange(256, dtype=np.uint8)
    for label in structures():
        partners[label.id] = label.partner or label.id
    affine = anatomy.grid.affine.copy()
    affine[0] *= -1
    mirrored = Labelmap(partners[swapped], type(anatomy.grid)(anatomy.grid.shape, affine))
    assert "situs inversus" in rows_of(mirrored, "F")["Liver"].sentence
    assert rows_of(anatomy, "F")["Liver"].verdict == "pass"


def test_an_absent_kidney_is_named_where_it_must_be_seen_and_somebody_knows_kidneys():
    anatomy, _ = make_anatomy(spacing_mm=4.0, sex="F", seed=2)
    values = np.where(anatomy.values == KIDNEY, id_of("Fat"), anatomy.values).astype(np.uint8)
    without = Labelmap(values, anatomy.grid)
    row = rows_of(without, "F")["Kidney Left"]
    assert (row.verdict, row.place_ras_mm) == ("warn", None)
    assert row.sentence.startswith("Not found, although T11 to L4 is in view")
    others = frozenset(ids_where(lambda label: label.group == "Vertebras"))
    assert "Kidney Left" not in rows_of(without, "F", known=others)
    heights = anatomy.grid.ras_from_ijk(np.argwhere(np.isin(anatomy.values, [id_of("Vertebra T8")])))[:, 2]
    k = np.rint(anatomy.grid.ijk_from_ras([0, 0, heights.mean()])[2]).astype(int)
    affine = anatomy.grid.affine.copy()
    affine[:3, 3] = anatomy.grid.ras_from_ijk([0, 0, k])
    chest = Labelmap(values[:, :, k:], type(anatomy.grid)(values[:, :, k:].shape, affine))
    assert "Kidney Left" not in rows_of(chest, "F")


def test_a_vertebra_between_others_cannot_be_absent():
    anatomy, _ = make_anatomy(spacing_mm=4.0, sex="F", seed=2)
    values = np.where(anatomy.values == id_of("Vertebra L2"), 1, anatomy.values).astype(np.uint8)
    rows = rows_of(Labelmap(values, anatomy.grid), "F")
    assert rows["Vertebra L2"].verdict == "fail"


def test_verdicts_are_the_same_however_the_image_is_stored():
    anatomy, _ = make_anatomy(spacing_mm=5.0, sex="M", seed=4)
    faulty = inject("vertebrae-shifted", anatomy, rng=np.random.default_rng(2)).labelmap
    turned = Labelmap(*reoriented(faulty.values, faulty.grid, (1, 2, 0), (True, False, True)))
    plain, other = rows_of(faulty, "M"), rows_of(turned, "M")
    assert {name: row.verdict for name, row in plain.items()} == {name: row.verdict for name, row in other.items()}


def test_positions_lie_in_the_structure_that_is_doubted():
    anatomy, _ = make_anatomy(spacing_mm=4.0, sex="M", seed=4)
    faulty = inject("left-right-swap-whole", anatomy, rng=np.random.default_rng(2)).labelmap
    for row in to_look_at([*rows_of(faulty, "M").values()]):
        if row.place_ras_mm:
            i, j, k = np.rint(faulty.grid.ijk_from_ras(row.place_ras_mm)).astype(int)
            assert faulty.values[i, j, k] == row.label


# The page and the command


def test_the_page_says_what_it_could_not_draw():
    labels = block(300)
    rows = assess(Case(in_pieces(labels), "F"))
    page = plausibility_page(rows, labels, None)
    assert "Look at these first" in page
    assert "no CT was given" in page
    assert "Small: 300 ml" in page


def test_the_page_shows_the_doubted_structure_in_the_ct():
    labels = block(300)
    ct = Volume(np.where(labels.values > 0, 60.0, -1000.0).astype(np.float32), labels.grid, "HU")
    page = plausibility_page(assess(Case(in_pieces(labels), "F")), labels, ct)
    assert page.count("data:image/png") == 2 or "Pictures:" in page


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plausibility")
    patient = make_patient(PatientOptions(spacing_mm=6.0, seed=2, sex="F"))
    write_volume(patient.ct, folder / "ct.nii.gz")
    write_labelmap(patient.anatomy, folder / "atlas.nii.gz")
    return folder


def test_the_command_writes_page_table_and_report(files, run_command, tmp_path):
    html, table, report = tmp_path / "p.html", tmp_path / "p.csv", tmp_path / "p.json"
    words = [
        "--ct",
        files / "ct.nii.gz",
        "--sex",
        "F",
        "--age",
        "60",
        "--html",
        html,
        "--csv",
        table,
        "--report",
        report,
    ]
    code, out, _ = run_command("plausibility", f"{files / 'atlas.nii.gz'}@dap", *words)
    assert code == 0
    rows = [*csv.DictReader(table.open())]
    assert tuple(rows[0]) == COLUMNS
    written = json.loads(report.read_text())
    assert sum(written["verdicts"].values()) == len(rows) == len(written["structures"])
    assert "HU" in {check["check"] for row in written["structures"] for check in row["checks"]}
    assert "pass" in out
    assert str(tmp_path) not in html.read_text()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--age", "-3"], 2, "0 to 130 was expected"),
        (["--ct", "gone.nii.gz"], 1, "gone.nii.gz does not exist"),
    ],
)
def test_bad_input_ends_in_a_sentence_and_no_file(files, run_command, tmp_path, words, code, sentence):
    table = tmp_path / "p.csv"
    found, _, err = run_command("plausibility", f"{files / 'atlas.nii.gz'}@dap", "--csv", table, *words)
    assert (found, table.exists()) == (code, False)
    assert sentence in err


def test_an_empty_map_is_refused(run_command, tmp_path):
    write_labelmap(labelmap(np.zeros((4, 4, 4))), tmp_path / "empty.nii.gz")
    code, _, err = run_command("plausibility", tmp_path / "empty.nii.gz")
    assert code == 1
    assert "empty" in err
