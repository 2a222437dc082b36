"""What lesions attended to as segments: worked out by hand, and by apex-demo through the command on a flipped grid."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import nrrd
import numpy as np
import pytest
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.io import read_labelmap, write_labelmap, write_volume
from AnatomyGuidedLib.labels import UnknownLabel, id_of, label_by_id, structures, terminology_entry
from AnatomyGuidedLib.phantom import PatientOptions, make_patient
from PathologySegLib.apex.anatomy_classes import structures_called
from PathologySegLib.attended_segments import attended_segments, numbered

Run = Callable[..., tuple[int, str, str]]
LIVER, AORTA, SKULL = id_of("Liver"), id_of("Aorta"), id_of("Skull")
RIBS = tuple(label.id for label in structures() if label.anatomical_rib is not None and label.side == "left")


def row_of(*ids: int) -> Labelmap:
    affine = np.diag([-2.0, 3.0, 4.0, 1.0])
    return Labelmap(np.array(ids, np.uint8).reshape(-1, 1, 1), Grid((len(ids), 1, 1), affine))


def test_each_structure_is_one_segment_in_its_colour_with_the_lesions_that_attended_to_it() -> None:
    anatomy = row_of(LIVER, 0, AORTA, LIVER, SKULL)
    shares = {1: [("Aorta", 0.2), ("Liver", 0.7)], 2: [("Liver", 0.1)], 4: [("Liver", 0.9)]}
    found = attended_segments(shares, anatomy)
    assert found.labelmap.values.ravel().tolist() == [LIVER, 0, AORTA, LIVER, 0]
    assert found.labelmap.grid == anatomy.grid
    assert [segment.name for segment in found.segments] == ["Liver (lesions 1-2, 4)", "Aorta (lesion 1)"]
    for segment in found.segments:
        label = label_by_id(segment.value)
        assert (segment.color, segment.terminology) == (label.color, terminology_entry(label))
    assert found.absent == ()


def test_only_the_five_strongest_of_a_lesion_are_shown_and_absent_ones_are_told() -> None:
    names = [label.name for label in structures()][:7]
    shares = [(name, (place + 1) / 100) for place, name in enumerate(names)]
    anatomy = row_of(*(id_of(name) for name in names[1:]))
    found = attended_segments({1: shares}, anatomy)
    assert [segment.value for segment in found.segments] == [id_of(name) for name in names[:1:-1]]
    assert attended_segments({1: shares[:3]}, anatomy).absent == (names[0],)


def test_ribs_that_a_model_takes_together_are_one_segment() -> None:
    found = attended_segments({3: [("Ribs Left", 1.0)]}, row_of(RIBS[2], 0, RIBS[5], LIVER))
    assert structures_called("Ribs Left") == RIBS
    assert found.labelmap.values.ravel().tolist() == [RIBS[0], 0, RIBS[0], 0]
    assert [(one.name, one.color) for one in found.segments] == [
        ("Ribs Left (lesion 3)", label_by_id(RIBS[0]).color),
    ]  # fmt: skip
    with pytest.raises(UnknownLabel, match="'Antler'"):
        attended_segments({1: [("Antler", 1.0)]}, row_of(LIVER))


def test_no_lesion_is_no_segment() -> None:
    found = attended_segments({}, row_of(LIVER))
    assert (int(found.labelmap.values.max()), found.segments, found.absent) == (0, [], ())


def flipped(volume: Volume | Labelmap, axes: tuple[int, ...]) -> tuple[np.ndarray, Grid]:
    affine, order = np.array(volume.grid.affine), [slice(None)] * 3
    for axis in axes:
        affine[:3, 3] += affine[:3, axis] * (volume.grid.shape[axis] - 1)
        affine[:3, axis] *= -1
        order[axis] = slice(None, None, -1)
    return np.ascontiguousarray(volume.values[tuple(order)]), Grid(volume.grid.shape, affine)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A patient whose PET and anatomy run backwards along two axes, beside a CT that does not."""
    folder = tmp_path_factory.mktemp("study")
    patient = make_patient(PatientOptions(spacing_mm=8.0, sex="F", seed=900_001, lesions=None, pattern="lymphoma"))
    write_volume(patient.ct, folder / "ct.nii.gz")
    values, grid = flipped(patient.pet, (0, 2))
    write_volume(Volume(values, grid, "SUV"), folder / "pet.nii.gz")
    write_volume(Volume(np.minimum(values, 1.5), grid, "SUV"), folder / "cold.nii.gz")
    values, grid = flipped(patient.anatomy, (0, 2))
    write_labelmap(Labelmap(values, grid), folder / "anatomy.nii.gz")
    return folder


def segments_of(path: Path) -> dict[str, tuple[int, str]]:
    """By name the value and the colour of a file's segments."""
    header, places = nrrd.read_header(str(path)), range(200)
    return {
        header[f"Segment{n}_Name"]: (int(header[f"Segment{n}_LabelValue"]), header[f"Segment{n}_Color"])
        for n in places
        if f"Segment{n}_Name" in header
    }


@pytest.mark.parametrize("grid", ["pet", "ct"])
def test_the_segments_are_the_tables_structures_where_they_lie_on_a_flipped_grid(
    study: Path, run_command: Run, tmp_path: Path, grid: str
) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    code, _, said = run_command(
        "lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", "apex-demo", "--anatomy",
        f"{study / 'anatomy.nii.gz'}@dap", "--grid", grid, "-o", tmp_path / "l.seg.nrrd", "--csv", tmp_path / "l.csv",
        "--attention", tmp_path / "a.seg.nrrd", "--attention", tmp_path / "a.json",
    )  # fmt: skip
    assert code == 0, said
    with (tmp_path / "l.csv").open() as file:
        table = {int(row["lesion"]): row["attended"].split("; ") for row in csv.DictReader(file)}
    told = json.loads((tmp_path / "a.json").read_text())
    assert {one["lesion"]: [s["name"] for s in one["structures"][:5]] for one in told["lesions"]} == table
    assert len(table) > 2
    shown, lesions = read_labelmap(tmp_path / "a.seg.nrrd"), read_labelmap(tmp_path / "l.seg.nrrd")
    assert shown.grid == lesions.grid
    anatomy = read_labelmap(study / "anatomy.nii.gz").values
    anatomy = anatomy[::-1, :, ::-1] if grid == "ct" else anatomy
    names, present = segments_of(tmp_path / "a.seg.nrrd"), set(np.unique(anatomy))
    drawn = np.zeros(anatomy.shape, bool)
    attended = {name for own in table.values() for name in own}
    for name in attended:
        ids = structures_called(name)
        if not present & set(ids):
            assert name in said
            continue
        numbers = sorted(lesion for lesion, own in table.items() if name in own)
        shown_name = label_by_id(ids[0]).display_name if len(ids) == 1 else name
        value, color = names[f"{shown_name} ({numbered(numbers)})"]
        assert value == ids[0]
        assert [round(255 * float(part)) for part in color.split()] == list(label_by_id(value).color)
        np.testing.assert_array_equal(shown.values == value, np.isin(anatomy, ids))
        drawn |= np.isin(anatomy, ids)
    np.testing.assert_array_equal(shown.values > 0, drawn)


def test_without_lesions_the_segmentation_is_empty_and_the_atlas_is_asked_for_the_anatomy(
    study: Path, run_command: Run, tmp_path: Path
) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    code, out, said = run_command(
        "lesions", study / "ct.nii.gz", study / "cold.nii.gz", "--model", "apex-demo", "-o", tmp_path / "l.nii.gz",
        "--attention", tmp_path / "a.seg.nrrd",
    )  # fmt: skip
    assert code == 0, said
    assert "0 lesions" in out
    assert "The attended structures are drawn from the anatomy, and none was given: dap-demo predicts it" in said
    assert read_labelmap(tmp_path / "a.seg.nrrd").values.max() == 0
    assert segments_of(tmp_path / "a.seg.nrrd") == {}


def test_a_query_network_that_mixes_by_means_is_refused_before_it_computes(
    study: Path, run_command: Run, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    from PathologySegLib.apex.ladder_settings import CI
    from PathologySegLib.apex.model_folder import write_apex
    from PathologySegLib.apex.recipe import ApexRecipe
    from PathologySegLib.apex.segmenter import Classes
    from PathologySegLib.apex.segmenters import build_segmenter

    recipe = ApexRecipe(arm="query-mean", anatomy="merged", shape=CI.recipe.shape)
    write_apex(tmp_path / "mean", recipe, build_segmenter(recipe, Classes(99)), steps=1, results={})
    code, _, said = run_command(
        "lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", tmp_path / "mean", "-o",
        tmp_path / "o" / "l.nii.gz", "--attention", tmp_path / "o" / "a.seg.nrrd",
    )  # fmt: skip
    assert (code, (tmp_path / "o").exists()) == (2, False)
    assert "mean tells no attention, as only query networks with a cross-attention mixer do" in said
    assert "Slice" not in said


def test_a_file_that_is_neither_a_table_nor_segments_is_refused(study: Path, run_command: Run, tmp_path: Path) -> None:
    code, _, said = run_command(
        "lesions", study / "ct.nii.gz", study / "pet.nii.gz", "--model", "apex-demo", "-o", tmp_path / "l.nii.gz",
        "--attention", tmp_path / "a.nii.gz",
    )  # fmt: skip
    assert code == 2
    assert "a.nii.gz must end in .json (a table) or .seg.nrrd (segments)" in said
