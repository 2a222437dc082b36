"""The label table against the thesis's Table 4 and Figure 7, and other tools' label maps under DAP names."""

from __future__ import annotations

import csv
import itertools
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.labels import (
    Label,
    UnknownLabel,
    UnknownScheme,
    id_of,
    ids_of,
    ids_where,
    label_by_id,
    label_by_name,
    labels,
    scheme,
    scheme_names,
    structures,
    terminology_entry,
    to_dap,
)

SIDES = ("Left", "Right")
VERTEBRAE = [f"C{n}" for n in range(1, 8)] + [f"T{n}" for n in range(1, 13)] + [f"L{n}" for n in range(1, 6)]
TOTALSEGMENTATOR_PRESENT = [  # values of the real map that the table must name
    *range(1, 12), 14, *range(18, 23), *range(25, 34), 52, *range(63, 69), *range(75, 90), *range(98, 104),
    *range(110, 116), 117,
]  # fmt: skip
REAL_MAP = Path(__file__).resolve().parents[4] / "shared" / "realdata" / "ct_abdomen_3mm_totalsegmentator.nii.gz"
FLIPPED = Grid((3, 4, 5), np.diag([-1.5, -0.9, 3.0, 1.0]))
PERMUTED = Grid((3, 4, 5), np.array([[0, 0, -3.0, 10], [0.9, 0, 0, -4], [0, 1.5, 0, 7], [0, 0, 0, 1]]))


def labelmap(values: list[int], grid: Grid = FLIPPED, dtype: npt.DTypeLike = np.uint16) -> Labelmap:
    return Labelmap(np.resize(np.array(values, dtype=dtype), grid.shape), grid)


def names_where(**wanted: object) -> set[str]:
    return {label.name for label in labels() if all(getattr(label, key) == value for key, value in wanted.items())}


# Table 4


def test_ids_run_from_0_to_144_without_11() -> None:
    assert [label.id for label in labels()] == [*range(11), *range(12, 145)]


def test_table_4_spot_checks_at_the_ends_of_each_column_hold() -> None:
    expected = {
        0: "Background", 1: "Unknown Tissue", 10: "Colon", 12: "Gallbladder", 48: "Vertebra C6", 49: "Vertebra C7",
        67: "Costa 1 Left", 90: "Costa 12 Right", 96: "Scapula Right", 97: "Humerus Left",
        118: "Portal Vein and Splenic Vein", 133: "Artery Common Carotid Right",
        134: "Artery Common Carotid Left", 135: "Sternum Manubrium",
        138: "Internal Jugular Vein Right", 144: "Artery Subclavian Left",
    }  # fmt: skip
    assert {label_id: label_by_id(label_id).name for label_id in expected} == expected


def test_names_are_unique_and_lead_back_to_their_ids() -> None:
    assert len({label.name for label in labels()}) == 144
    assert all(id_of(label.name) == label.id and label_by_name(label.name) is label for label in labels())
    assert ids_of(["Liver", "Spleen"]) == (13, 26)


def test_vertebrae_descend_from_c1_to_l5_in_one_run_of_ids() -> None:
    assert [label_by_id(43 + place).name for place in range(24)] == [f"Vertebra {name}" for name in VERTEBRAE]


# Figure 7


def test_group_sizes_are_the_totals_of_figure_7() -> None:
    assert Counter(label.group for label in structures()) == {
        "Musculature": 13, "Tissues": 6, "Digestive": 8, "Urinary": 3, "Endocrine": 6, "Reproductive": 2, "Nervous": 4,
        "Immune": 2, "Vertebras": 24, "Ribs": 26, "Bones": 13, "Cardiovascular": 26, "Respiratory": 9,
    }  # fmt: skip
    assert len(structures()) == 142


def test_background_and_unknown_tissue_belong_to_no_group() -> None:
    assert names_where(group="") == {"Background", "Unknown Tissue"}


def test_groups_agree_with_the_sources_that_figure_7_gives_them() -> None:
    # TotalSegmentator gives 10 muscles (gluteal 6, iliopsoas 2, back 2), rules the cheeks, body composition the rest.
    assert {name.rsplit(" ", 1)[0] for name in names_where(group="Musculature")} == {
        "Muscles", "Gluteus Maximus", "Gluteus Medius", "Gluteus Minimus", "Iliopsoas", "Autochthon", "Cheek",
    }  # fmt: skip
    assert names_where(group="Urinary") == {"Kidney Left", "Kidney Right", "Bladder"}
    assert names_where(group="Nervous") == {"Spinal Canal", "Brain", "Eyeball Left", "Eyeball Right"}
    assert names_where(group="Immune") == {"Spleen", "Thymus"}
    assert names_where(group="Ribs") > {"Rib Cartilage", "Sternum Corpus"}
    assert names_where(group="Bones") > {"Skull", "Sacrum", "Sternum Manubrium"}
    assert names_where(group="Respiratory") > {"Pulmonary Artery", "Nasal Cavity", "Trachea", "Bronchus"}


# Sides, sex, ribs


def test_partners_are_symmetric_and_on_opposite_sides() -> None:
    paired = [label for label in labels() if label.partner is not None]
    assert len(paired) == 2 * (12 + 25)  # counted in Table 4: 12 pairs of ribs and 25 others
    for label in paired:
        partner = label_by_id(label.partner or 0)
        assert partner.partner == label.id
        assert {label.side, partner.side} == {"left", "right"}
        assert partner.name.removesuffix(" Left").removesuffix(" Right") == label.name.rsplit(" ", 1)[0]


def test_a_side_in_the_name_is_the_side_in_the_table() -> None:
    for label in labels():
        assert label.side.capitalize() == (label.name.split()[-1] if label.name.endswith(SIDES) else "")


def test_heart_chambers_and_the_middle_lobe_have_a_side_but_no_partner() -> None:
    assert {label.name for label in labels() if label.side and label.partner is None} == {
        "Heart Atrium Left", "Heart Atrium Right", "Heart Ventricle Left", "Heart Ventricle Right",
        "Lung Middle Lobe Right",
    }  # fmt: skip


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("costa", range(1, 13))
def test_costa_k_is_anatomical_rib_13_minus_k_and_shows_both(costa: int, side: str) -> None:
    label = label_by_name(f"Costa {costa} {side}")
    assert label.anatomical_rib == 13 - costa
    assert label.display_name == f"Costa {costa} {side} (rib {13 - costa})"
    assert label.id == 67 + 2 * (costa - 1) + SIDES.index(side)


def test_only_ribs_have_a_rib_number_and_a_display_name_of_their_own() -> None:
    others = [label for label in labels() if not label.name.startswith("Costa")]
    assert all(label.anatomical_rib is None and label.display_name == label.name for label in others)


def test_sex_is_as_the_design_says() -> None:
    assert {label.id: label.sex for label in labels() if label.sex} == {19: "M", 20: "F", 21: "F", 22: "F", 23: "F"}


# Level, once, body part


@pytest.mark.parametrize(
    ("part", "container"),
    [
        ("Heart Atrium Left", "Heart"), ("Heart Atrium Right", "Heart"), ("Heart Ventricle Left", "Heart"),
        ("Heart Ventricle Right", "Heart"), ("Heart Myocardium", "Heart"), ("Heart", "Heart Tissue"),
        ("Heart Tissue", "Mediastinal Tissue"), ("Thymus", "Mediastinal Tissue"), ("Liver", "Abdominal Tissue"),
        ("Spinal Canal", "Vertebra L3"), ("Spinal Canal", "Sacrum"), ("Uterus", "Uterocervix"),
        ("Nasal Cavity", "Skull"), ("Pulmonary Artery", "Lung Upper Lobe Left"), ("Bronchus", "Lung Lower Lobe Right"),
        ("Iliopsoas Left", "Muscles"), ("Inferior Vena Cava", "Liver"), ("Breast Left", "Fat"),
        ("Humerus Left", "Muscles"),
    ],
)  # fmt: skip
def test_a_part_is_merged_after_the_structure_around_it(part: str, container: str) -> None:
    assert label_by_name(part).level > label_by_name(container).level


def test_levels_go_from_tissue_to_vessel() -> None:
    steps = ["Fat", "Gluteus Medius Left", "Liver", "Femur Right", "Aorta"]
    assert [label_by_name(name).level for name in steps] == [0, 1, 2, 3, 4]
    assert {label.level for label in labels()} == {0, 1, 2, 3, 4}


def test_organs_and_single_bones_occur_once() -> None:
    single = ["Brain", "Liver", "Spleen", "Kidney Left", "Bladder", "Prostate", "Aorta", "Trachea", "Sacrum"]
    single += [label.name for label in structures() if label.group == "Vertebras" or label.anatomical_rib]
    assert all(label_by_name(name).once for name in single)


def test_tissues_and_structures_of_several_pieces_do_not_occur_once() -> None:
    several = [
        "Unknown Tissue",
        "Muscles",
        "Fat",
        "Skin",
        "Rib Cartilage",
        "Gonads",
        "Skull",
        "Bronchus",
        "Small Bowel",
    ]
    assert not any(label_by_name(name).once for name in several)


def test_body_parts_are_of_the_four_or_whole() -> None:
    parts = {part for label in labels() for part in label.body_part}
    assert parts == {"head-neck", "thorax", "abdomen", "pelvis", "whole"}
    assert all(label.body_part == ("whole",) or "whole" not in label.body_part for label in labels())


def test_body_parts_hold_what_anatomy_says() -> None:
    assert label_by_name("Aorta").body_part == ("thorax", "abdomen")
    assert label_by_name("Bladder").body_part == ("pelvis",)
    assert label_by_name("Colon").body_part == ("abdomen", "pelvis")
    assert label_by_name("Spinal Canal").body_part == ("whole",)
    assert label_by_name("Vertebra C7").body_part == ("head-neck",)


def test_partners_share_everything_but_side_code_and_colour() -> None:
    for label in structures():
        if label.partner is not None:
            partner = label_by_id(label.partner)
            shared = [(one.group, one.level, one.sex, one.once, one.body_part) for one in (label, partner)]
            assert shared[0] == shared[1]


# Colours


def touching() -> list[tuple[str, str]]:
    """Pairs of names that touch in a normal body."""
    spine = [f"Vertebra {name}" for name in VERTEBRAE] + ["Sacrum"]
    pairs = list(itertools.pairwise(spine)) + [(name, "Spinal Canal") for name in spine]
    for side in SIDES:
        ribs = [f"Costa {13 - rib} {side}" for rib in range(1, 13)]
        pairs += list(itertools.pairwise(ribs)) + [(rib, "Rib Cartilage") for rib in ribs[:10]]
        pairs += [(ribs[n - 1], f"Vertebra T{n}") for n in range(1, 13)]
        pairs += [(ribs[n], f"Vertebra T{n}") for n in range(1, 12)]
        pairs += [(f"Gluteus Maximus {side}", f"Gluteus Medius {side}"), (f"Hip {side}", f"Femur {side}")]
        pairs += [(f"Gluteus Medius {side}", f"Gluteus Minimus {side}"), (f"Kidney {side}", f"Iliopsoas {side}")]
        pairs += [
            (f"Lung Upper Lobe {side}", f"Lung Lower Lobe {side}"),
            (f"Iliac Artery {side}", f"Iliac Vena {side}"),
        ]
    pairs += itertools.combinations([label.name for label in labels() if label.name.startswith("Heart")], 2)
    pairs += itertools.combinations(["Small Bowel", "Colon", "Duodenum", "Stomach", "Pancreas"], 2)
    pairs += itertools.combinations(["Bladder", "Prostate"], 2)
    pairs += itertools.combinations(["Bladder", "Uterocervix", "Uterus"], 2)
    pairs += [("Liver", name) for name in ("Stomach", "Gallbladder", "Kidney Right", "Heart", "Colon", "Muscles")]
    pairs += [(f"{pair} Left", f"{pair} Right") for pair in ("Thyroid", "Autochthon", "Hip", "Vein Brachiocephalic")]
    return pairs


def lab(color: tuple[int, int, int]) -> npt.NDArray[np.float64]:
    """CIELAB (D65) of an sRGB colour."""
    srgb = np.array(color) / 255
    linear = np.where(srgb > 0.04045, ((srgb + 0.055) / 1.055) ** 2.4, srgb / 12.92)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    x, y, z = np.cbrt(xyz / [0.9505, 1.0, 1.089])  # the dark linear branch is not needed for these colours
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize(("one", "other"), touching())
def test_touching_structures_can_be_told_apart_by_colour(one: str, other: str) -> None:
    difference = lab(label_by_name(one).color) - lab(label_by_name(other).color)
    assert np.linalg.norm(difference) > 8  # 2.3 is just noticeable side by side


def test_colours_fit_in_a_byte_and_only_background_is_black() -> None:
    assert all(0 <= channel <= 255 for label in labels() for channel in label.color)
    assert names_where(color=(0, 0, 0)) == {"Background"}


def test_slicers_anatomical_colours_are_kept_where_they_can_be() -> None:
    slicers = {"Liver": (221, 130, 101), "Spleen": (157, 108, 162), "Aorta": (224, 97, 76), "Fat": (230, 220, 70)}
    assert {name: label_by_name(name).color for name in slicers} == slicers


# Terminology


def test_laterality_is_coded_once_in_the_code_or_in_the_modifier() -> None:
    modifiers = {"left": "7771000", "right": "24028007", "": ""}
    lateral_by_code = {label.name for label in labels() if label.code and label.modifier != modifiers[label.side]}
    assert lateral_by_code == names_where(partner=None) & {label.name for label in labels() if label.side}


def test_labels_with_the_same_code_and_modifier_do_not_exist() -> None:
    counts = Counter((label.code, label.modifier) for label in labels() if label.code)
    assert not [key for key, count in counts.items() if count > 1]


def test_only_structures_that_the_sources_do_not_code_lack_a_code() -> None:
    assert names_where(code="") == {
        "Background", "Gonads", "Uterocervix", "Spinal Canal", "Heart Tissue", "Sternum Corpus", "Sternum Manubrium",
    }  # fmt: skip


def test_a_rib_carries_the_code_of_its_anatomical_number() -> None:
    first, twelfth = label_by_name("Costa 12 Left"), label_by_name("Costa 1 Left")
    assert (first.code, twelfth.code) == ("48535007", "43993008")


def test_a_label_without_a_code_is_tissue_to_slicer() -> None:
    assert terminology_entry(label_by_name("Gonads")) == (
        "Segmentation category and type - DICOM master list~SCT^85756007^Tissue~SCT^85756007^Tissue~^^"
        "~Anatomic codes - DICOM master list~^^~^^"
    )


@pytest.mark.parametrize("label", labels(), ids=lambda label: label.name)
def test_slicers_own_logic_reads_the_terminology_back(label: Label) -> None:
    slicer = pytest.importorskip("slicer", reason="needs slicer-core, whose terminology logic is the judge here")
    if not hasattr(slicer, "vtkSlicerTerminologiesModuleLogic"):
        pytest.skip("this slicer has no terminology logic")
    logic, entry = slicer.vtkSlicerTerminologiesModuleLogic, slicer.vtkSlicerTerminologyEntry()
    text = terminology_entry(label)
    assert logic.DeserializeTerminologyEntry(text, entry)
    assert entry.GetTypeObject().GetCodeValue() == (label.code or "85756007")
    assert entry.GetTypeObject().GetCodeMeaning() == (label.code_meaning or "Tissue")
    assert (entry.GetTypeModifierObject().GetCodeValue() or "") == label.modifier
    assert logic.SerializeTerminologyEntry(entry) == text


# Errors


def test_an_unknown_id_is_refused_with_the_known_range() -> None:
    with pytest.raises(UnknownLabel, match="11 is no DAP Atlas label; known are 0 to 144 without 11"):
        label_by_id(11)


def test_a_misspelled_name_is_refused_with_a_proposal() -> None:
    with pytest.raises(UnknownLabel, match="did you mean Kidney Left"):
        id_of("kidney left")


def test_a_name_like_no_other_is_refused_with_an_example() -> None:
    with pytest.raises(UnknownLabel, match="names are spelled like Kidney Left"):
        label_by_name("zzzz")


@pytest.mark.parametrize("name", ["TotalSegmentator", "", "../dap_labels", "nope"])
def test_an_unknown_scheme_is_a_wrong_call(name: str) -> None:
    with pytest.raises(UnknownScheme, match=r"known are dap, .*totalsegmentator") as caught:
        scheme(name)
    assert isinstance(caught.value, UsageError)
    assert not issubclass(UnknownLabel, UsageError)
    assert issubclass(UnknownLabel, AnatomyGuidedError)


# Schemes


def test_every_scheme_maps_its_classes_onto_labels_of_the_table() -> None:
    for name in scheme_names():
        known = scheme(name)
        assert set(known.to_dap) <= set(known.names)
        assert all(
            label_by_id(label_id).id > 1 for value, label_id in known.to_dap.items() if name != "dap" or value > 1
        )
        assert 0 not in known.names


def test_a_scheme_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        scheme("totalsegmentator").to_dap[1] = 2  # type: ignore[index]


def test_dap_is_its_own_identity() -> None:
    assert dict(scheme("dap").to_dap) == {label.id: label.id for label in labels() if label.id > 0}
    assert scheme("dap").unmapped == ()


def test_totalsegmentator_has_117_classes_with_unique_names() -> None:
    names = scheme("totalsegmentator").names
    assert sorted(names) == list(range(1, 118))
    assert len(set(names.values())) == 117


def test_totalsegmentator_classes_that_dap_does_not_name_stay_unmapped() -> None:
    known = scheme("totalsegmentator")
    assert {known.names[value] for value in known.unmapped} == {
        "thyroid_gland", "kidney_cyst_left", "kidney_cyst_right", "pulmonary_vein", "superior_vena_cava", "sternum",
    }  # fmt: skip


def test_totalsegmentator_classes_join_a_label_only_where_they_are_parts_of_it() -> None:
    known = scheme("totalsegmentator")
    joined = {
        label_by_id(label_id).name: {known.names[value] for value, target in known.to_dap.items() if target == label_id}
        for label_id, count in Counter(known.to_dap.values()).items()
        if count > 1
    }
    assert joined == {"Sacrum": {"sacrum", "vertebrae_S1"}, "Heart": {"heart", "atrial_appendage_left"}}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("rib", range(1, 13))
def test_totalsegmentators_ribs_become_costae_counted_from_the_abdomen(rib: int, side: str) -> None:
    known = scheme("totalsegmentator")
    value = {name: number for number, name in known.names.items()}[f"rib_{side.lower()}_{rib}"]
    label = label_by_id(known.to_dap[value])
    assert (label.name, label.anatomical_rib) == (f"Costa {13 - rib} {side}", rib)


def test_totalsegmentators_sides_and_vertebrae_keep_their_names() -> None:
    known = scheme("totalsegmentator")
    for value, label_id in known.to_dap.items():
        words, label = known.names[value].split("_"), label_by_id(label_id)
        if label.side:
            assert label.side in words
        if words[0] == "vertebrae" and words[1] != "S1":
            assert label.name == f"Vertebra {words[1]}"


def test_every_structure_of_the_real_abdominal_map_has_a_dap_name() -> None:
    assert len(TOTALSEGMENTATOR_PRESENT) == 61
    assert set(TOTALSEGMENTATOR_PRESENT) <= set(scheme("totalsegmentator").to_dap)


def test_a_scheme_file_says_why_a_class_is_unmapped() -> None:
    path = Path(sys.modules["AnatomyGuidedLib.labels"].__file__ or "").parent / "data/schemes/totalsegmentator.csv"
    with path.open(encoding="utf-8", newline="") as file:
        assert all(row["reading"] for row in csv.DictReader(file) if not row["dap_id"])


# Label maps


@pytest.mark.parametrize("grid", [FLIPPED, PERMUTED], ids=["flipped", "permuted"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_to_dap_names_each_voxel_and_keeps_the_grid(grid: Grid, order: str) -> None:
    stored = Labelmap(np.asarray(labelmap([0, 1, 26, 25, 92, 17], grid).values, order=order), grid)  # type: ignore[call-overload]
    named = to_dap(stored, scheme("totalsegmentator"))
    expected = {0: "Background", 1: "Spleen", 26: "Sacrum", 25: "Sacrum", 92: "Costa 12 Left", 17: "Unknown Tissue"}
    assert named.grid == grid
    assert named.values.dtype == np.uint8
    for index in np.ndindex(grid.shape):
        assert named.values[index] == id_of(expected[int(stored.values[index])])


def test_to_dap_leaves_a_dap_map_and_its_input_as_they_are() -> None:
    stored = labelmap([label.id for label in labels()], dtype=np.uint8)
    before = stored.values.copy()
    assert np.array_equal(to_dap(stored, scheme("dap")).values, before)
    assert np.array_equal(stored.values, before)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64])
def test_values_that_a_scheme_lacks_are_named(dtype: npt.DTypeLike) -> None:
    beyond = int(np.iinfo(dtype).max)
    with pytest.raises(UnknownLabel, match=rf'holds 118, {beyond}, which the scheme "totalsegmentator" lacks'):
        to_dap(labelmap([0, 1, 118, beyond], dtype=dtype), scheme("totalsegmentator"))


def test_the_missing_label_11_of_a_dap_map_is_named() -> None:
    with pytest.raises(UnknownLabel, match="holds 11, which"):
        to_dap(labelmap([0, 11, 12]), scheme("dap"))


def test_many_values_that_a_scheme_lacks_are_counted() -> None:
    with pytest.raises(UnknownLabel, match="and 5 more values"):
        to_dap(labelmap(list(range(200, 215))), scheme("dap"))


def test_an_empty_map_stays_empty() -> None:
    assert not to_dap(labelmap([0]), scheme("totalsegmentator")).values.any()


def test_the_real_totalsegmentator_map_arrives_with_each_side_on_its_side() -> None:
    if not REAL_MAP.exists():
        pytest.skip(f"the real abdominal label map is not there ({REAL_MAP.name})")
    image = nibabel.load(REAL_MAP)
    stored = Labelmap(np.asarray(image.dataobj).astype(np.uint16), Grid(image.shape, image.affine))
    named = to_dap(stored, scheme("totalsegmentator"))
    found = [label_by_id(int(value)) for value in np.unique(named.values) if value]
    assert "Unknown Tissue" not in [label.name for label in found]
    assert len(found) == 60  # 61 structures, of which S1 and sacrum are one
    midline_r_mm = named.grid.ras_from_ijk(np.argwhere(named.values == id_of("Sacrum")))[:, 0].mean()
    for label in found:
        if label.partner is not None:
            centre_r_mm = named.grid.ras_from_ijk(np.argwhere(named.values == label.id))[:, 0].mean()
            assert (centre_r_mm > midline_r_mm) == (label.side == "right"), label.name


def test_ids_where_gives_the_structures_that_meet_a_condition() -> None:
    assert ids_where(lambda label: label.sex == "F") == (20, 21, 22, 23)
    assert ids_where(lambda label: label.name == "Unknown Tissue") == ()


def test_importing_the_table_is_quick_and_needs_no_pandas() -> None:
    script = "import sys, AnatomyGuidedLib.labels as t; t.labels(); sys.exit('pandas' in sys.modules)"
    folder = Path(sys.modules["AnatomyGuidedLib.labels"].__file__ or "").parents[1]
    start = time.perf_counter()
    assert subprocess.run([sys.executable, "-c", script], cwd=folder, check=False).returncode == 0
    assert time.perf_counter() - start < 5  # 0.2 s on an idle machine
