"""Every labelling scheme against rules that need no other table, and spot checks taken from the sources by hand."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import AnatomyGuidedLib.labels
import numpy as np
import pytest
from AnatomyGuidedLib.io import read_labelmap, write_labelmap, write_volume
from AnatomyGuidedLib.labels import (
    UNKNOWN_TISSUE,
    Label,
    UnknownScheme,
    id_of,
    label_by_id,
    scheme,
    scheme_names,
)
from made_images import cylinder_body, labelmap

FOLDER = Path(AnatomyGuidedLib.labels.__file__).parent / "data" / "schemes"
DOCS = Path(__file__).resolve().parents[3] / "docs" / "atlas.md"
FILES = sorted(path.stem for path in FOLDER.glob("*.csv"))
LEFT, RIGHT = {"left", "lef", "l", "al", "pl"}, {"right", "rig", "r", "ar", "pr"}
WANTED = {
    "pediatric-ct-seg", "totalsegmentator", "totalsegmentator-v1", "verse", "ribseg", "ctpelvic1k", "amos",
    "mal-cervix", "atm", "parse", "segthor", "ct50-abdomen", "body-composition", "head-neck", "moose-organs",
    "moose-ribs", "moose-vertebrae", "moose-cardiac", "moose-peripheral-bones", "moose-muscles",
    "moose-body-composition", "cads", "btcv", "word", "flare",
}  # fmt: skip
SIZES = {  # how many structures the source says that it has
    "totalsegmentator": 117, "totalsegmentator-v1": 104, "pediatric-ct-seg": 29, "verse": 28, "ribseg": 24,
    "ctpelvic1k": 4, "amos": 15, "mal-cervix": 4, "atm": 1, "parse": 1, "segthor": 4, "ct50-abdomen": 12,
    "body-composition": 9, "head-neck": 12, "cads": 167, "btcv": 13, "word": 16, "flare": 13,
}  # fmt: skip
NONE = ""  # what DAP does not name
SPOTS = {
    "totalsegmentator": {1: "Spleen", 50: "Vertebra C1", 103: "Costa 1 Left"},
    "totalsegmentator-v1": {58: "Costa 12 Left", 81: "Costa 1 Right", 93: NONE, 104: "Bladder", 18: "Vertebra L5"},
    "pediatric-ct-seg": {3: "Gonads", 5: "Uterocervix", 13: "Kidney Right", 6: "Femur Left", 28: NONE},
    "verse": {1: "Vertebra C1", 19: "Vertebra T12", 20: "Vertebra L1", 25: NONE, 26: "Sacrum", 27: NONE, 28: NONE},
    "ribseg": {1: "Costa 12 Left", 12: "Costa 1 Left", 13: "Costa 12 Right", 24: "Costa 1 Right"},
    "ctpelvic1k": {1: "Sacrum", 2: NONE, 4: NONE},
    "amos": {2: "Kidney Right", 9: "Inferior Vena Cava", 14: "Bladder", 15: NONE},
    "mal-cervix": {1: "Bladder", 2: "Uterus", 4: "Small Bowel"},
    "atm": {1: "Bronchus"},
    "parse": {1: "Pulmonary Artery"},
    "segthor": {1: "Esophagus", 2: "Heart", 4: "Aorta"},
    "ct50-abdomen": {2: NONE, 10: "Adrenal Gland Right", 12: "Celiac Trunk"},
    "body-composition": {1: "Muscles", 3: "Abdominal Tissue", 7: "Thyroid Right"},
    "head-neck": {2: "Artery Common Carotid Left", 3: "Sternum Manubrium", 12: "Artery Subclavian Left"},
    "boa-regions": {1: "Fat", 9: "Mediastinal Tissue", 10: "Brain", 255: NONE},
    "boa-tissues": {1: "Muscles", 2: NONE, 4: "Fat"},
    "moose-organs": {1: "Adrenal Gland Left", 13: "Lung Upper Lobe Right", 18: "Thyroid Right"},
    "moose-ribs": {12: "Costa 1 Left", 13: NONE, 14: "Costa 12 Right", 27: NONE},
    "moose-vertebrae": {7: "Vertebra C7", 24: "Vertebra L5", 25: NONE, 26: "Hip Left"},
    "moose-cardiac": {1: "Heart Myocardium", 4: "Heart Ventricle Left", 12: "Portal Vein and Splenic Vein"},
    "moose-digestive": {1: "Colon", 3: "Esophagus", 4: "Small Bowel"},
    "moose-lungs": {1: "Lung Upper Lobe Left", 4: "Lung Middle Lobe Right", 5: "Lung Lower Lobe Right"},
    "moose-peripheral-bones": {3: "Clavicula Left", 22: "Scapula Right", 23: "Skull", 26: NONE},
    "moose-muscles": {1: "Autochthon Left", 6: "Gluteus Medius Right", 10: "Iliopsoas Right"},
    "moose-body-composition": {1: "Muscles", 2: "Fat", 3: "Fat"},
    "cads": {
        41: "Vertebra C1",
        81: "Costa 12 Left",
        104: "Costa 1 Right",
        110: NONE,
        116: "Iliopsoas Right",
        148: NONE,
    },
    "cads-551": {2: "Kidney Right", 9: "Portal Vein and Splenic Vein", 16: "Lung Middle Lobe Right"},
    "cads-552": {1: "Vertebra L5", 6: "Vertebra T12", 24: "Vertebra C1"},
    "cads-553": {4: "Heart Atrium Left", 10: "Iliac Artery Left", 18: NONE},
    "cads-554": {1: "Humerus Left", 11: "Sacrum", 21: "Iliopsoas Right"},
    "cads-555": {1: "Costa 12 Left", 13: "Costa 12 Right", 24: "Costa 1 Right"},
    "cads-556": {1: "Spinal Canal", 9: "Breast Left", 10: "Breast Right", 11: NONE},
    "cads-557": {1: "Brain", 5: NONE, 9: "Muscles"},
    "cads-558": {4: "Skull", 13: "Eyeball Right", 14: "Eyeball Left", 20: NONE},
    "cads-559": {1: "Fat", 3: "Abdominal Tissue", 7: "Heart Tissue"},
    "btcv": {2: "Kidney Right", 10: "Portal Vein and Splenic Vein", 13: "Adrenal Gland Left"},
    "word": {3: "Kidney Left", 12: NONE, 16: "Femur Right"},
    "flare": {2: "Kidney Right", 5: "Aorta", 13: "Kidney Left"},
}


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def mapped() -> Iterator[tuple[str, str, Label]]:
    """Scheme, the source's name and the label that it becomes."""
    for name in FILES:
        known = scheme(name)
        yield from ((name, known.names[value], label_by_id(target)) for value, target in known.to_dap.items())


def side(source: str) -> str:
    """The side that a source's name tells: left, right or neither."""
    words = set(re.split(r"[ _-]", source.lower()))
    assert not (words & LEFT and words & RIGHT), source
    return "left" if words & LEFT else "right" if words & RIGHT else ""


# The files


def test_every_wanted_scheme_is_there_and_listed() -> None:
    assert set(FILES) >= WANTED
    assert scheme_names() == ("dap", *FILES)
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_unique_numbers_and_names_and_ids_that_the_table_holds(name: str) -> None:
    entries = rows(name)
    numbers = [int(entry["id"]) for entry in entries]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 1
    assert len({entry["name"] for entry in entries}) == len(entries)
    assert all(label_by_id(int(entry["dap_id"])).group for entry in entries if entry["dap_id"])
    assert all(set(entry) == {"id", "name", "dap_id", "reading"} for entry in entries)


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_why_a_structure_is_unmapped_or_joins_another(name: str) -> None:
    entries = rows(name)
    targets = [entry["dap_id"] for entry in entries]
    for entry in entries:
        assert entry["reading"] or entry["dap_id"]
    for target in {target for target in targets if target and targets.count(target) > 1}:
        joined = [entry for entry in entries if entry["dap_id"] == target]
        whole = [entry for entry in joined if not entry["reading"]]
        assert len(whole) <= 1, f"{target}: only the whole itself needs no reading"


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_a_scheme_has_as_many_structures_as_its_source(name: str, size: int) -> None:
    assert len(scheme(name).names) == size


# Sides, vertebrae, ribs


def test_no_structure_changes_its_side() -> None:
    for name, source, label in mapped():
        assert not label.side or side(source) == label.side, f"{name}: {source} became {label.name}"


def test_only_what_lies_on_one_side_has_no_mirror_image() -> None:
    lonely = set()
    for name in FILES:
        sources = {source.lower() for source in scheme(name).names.values()}
        lonely |= {source for source in sources if side(source) and mirrored(source) not in sources}
    assert lonely == {"lung_middle_lobe_right", "atrial_appendage_left"}


def mirrored(source: str) -> str:
    """The name of the same structure on the other side."""
    pairs = [("left", "right"), ("lef", "rig"), ("l", "r"), ("al", "ar"), ("pl", "pr")]
    swaps = {one: other for pair in pairs for one, other in (pair, pair[::-1])}
    return "".join(swaps.get(part, part) for part in re.split(r"([ _-])", source))


def test_a_vertebra_keeps_its_level_and_only_vertebrae_become_vertebrae() -> None:
    for name, source, label in mapped():
        level = re.search(r"(?:^|_)([CTL]\d+)$", source)
        if level or label.group == "Vertebras":
            assert label.name == f"Vertebra {level[1] if level else ''}", f"{name}: {source} became {label.name}"


def test_a_rib_keeps_its_anatomical_number_and_its_side() -> None:
    for name, source, label in mapped():
        rib = re.fullmatch(r"rib_(left|right)_(\d+)", source)
        if rib or label.anatomical_rib:
            told = (rib[1], int(rib[2])) if rib else None
            assert (label.side, label.anatomical_rib) == told, f"{name}: {source} became {label.name}"


@pytest.mark.parametrize("name", [name for name in FILES if "rib_left_1" in scheme(name).names.values()])
def test_a_scheme_of_ribs_has_all_24_and_says_how_they_count(name: str) -> None:
    known = scheme(name)
    assert len({target for target in known.to_dap.values() if label_by_id(target).anatomical_rib}) == 24
    first = next(entry for entry in rows(name) if entry["name"] == "rib_left_1")
    assert first["dap_id"] == str(id_of("Costa 12 Left"))
    assert "from the neck here, from the abdomen in DAP" in first["reading"]


# Against the sources


def test_every_scheme_has_spot_checks() -> None:
    assert set(SPOTS) == set(FILES)
    assert all(len(spots) >= min(3, len(scheme(name).names)) for name, spots in SPOTS.items())


@pytest.mark.parametrize("name", FILES)
def test_spot_checks_taken_from_the_source_hold(name: str) -> None:
    known = scheme(name)
    found = {value: label_by_id(known.to_dap[value]).name if value in known.to_dap else NONE for value in SPOTS[name]}
    assert found == SPOTS[name]


def test_the_cads_map_of_all_tasks_agrees_with_the_maps_of_its_tasks_one_after_another() -> None:
    parts = [scheme(f"cads-{task}") for task in range(551, 560)]
    ordered = [(part.names[value], part.to_dap.get(value)) for part in parts for value in sorted(part.names)]
    whole = scheme("cads")
    assert [(whole.names[value], whole.to_dap.get(value)) for value in sorted(whole.names)] == ordered


def test_both_versions_of_totalsegmentator_read_a_name_alike() -> None:
    first, second = (
        {known.names[value]: target for value, target in known.to_dap.items()}
        for known in (scheme("totalsegmentator-v1"), scheme("totalsegmentator"))
    )
    assert {name: first[name] for name in first.keys() & second} == {
        name: second[name] for name in first.keys() & second
    }
    assert {"heart_myocardium", "pulmonary_artery"} <= first.keys() - second.keys()


def test_the_private_sources_are_the_labels_that_figure_7_counts() -> None:
    groups = [label_by_id(target).group for target in scheme("head-neck").to_dap.values()]
    assert (groups.count("Cardiovascular"), groups.count("Bones"), len(groups)) == (11, 1, 12)
    tissues = [label_by_id(target).group for target in scheme("body-composition").to_dap.values()]
    assert {group: tissues.count(group) for group in set(tissues)} == {
        "Musculature": 1, "Tissues": 4, "Endocrine": 2, "Ribs": 1, "Cardiovascular": 1,
    }  # fmt: skip
    assert all("ours" in entry["reading"] for name in ("head-neck", "body-composition") for entry in rows(name))


# What is written about them


def test_each_scheme_has_its_source_and_only_moose_is_left_out_by_name() -> None:
    text = (FOLDER / "SOURCES.md").read_text(encoding="utf-8")
    table, left_out = text.split("## Not included, because")
    named = set(re.findall(r"`([a-z0-9-]+)`", table.partition("|---|")[2]))
    tasks = {f"cads-{task}" for task in range(551, 560)}
    assert set(FILES) <= named | tasks
    assert "`moose`" in left_out
    assert "moose" not in FILES


def test_the_docs_list_every_scheme_with_what_is_mapped() -> None:
    found = re.findall(r"^\| `([a-z0-9-]+)` \| .* \| (\d+) of (\d+) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    counts = {name: (len(scheme(name).to_dap), len(scheme(name).names)) for name in FILES}
    assert {name: (int(part), int(whole)) for name, part, whole in found} == counts


@pytest.mark.parametrize(
    ("typed", "proposal"),
    [
        ("verses", "verse"),
        ("TotalSegmentator", "totalsegmentator or totalsegmentator-v1"),
        ("Moose", "moose-body-composition or moose-cardiac or .*moose-organs or .*moose-vertebrae"),
        ("ct50", "ct50-abdomen"),
    ],
)
def test_an_unknown_scheme_is_refused_with_near_names(typed: str, proposal: str) -> None:
    with pytest.raises(UnknownScheme, match=rf"no labelling scheme \(did you mean {proposal}\?\); known are dap, "):
        scheme(typed)


def test_an_unknown_scheme_like_no_other_is_refused_with_the_list_alone() -> None:
    with pytest.raises(UnknownScheme, match="no labelling scheme; known are dap, amos, "):
        scheme("zzzzzz")


# The command line


def test_a_verse_map_becomes_dap_vertebrae_through_the_command_line(run_command, tmp_path) -> None:
    ct = cylinder_body()
    values = np.zeros(ct.values.shape, dtype=np.uint8)
    for place, value in enumerate((26, 25, 24, 20, 19, 1)):
        values[20:24, 20:24, 3 * place : 3 * place + 2] = value
    write_volume(ct, tmp_path / "ct.nii.gz")
    write_labelmap(labelmap(values, ct.grid), tmp_path / "spine.nii.gz")
    output = tmp_path / "atlas.nii.gz"
    expert = f"file:{tmp_path / 'spine.nii.gz'}@verse"
    code, _, err = run_command("atlas", tmp_path / "ct.nii.gz", "--experts", expert, "-o", output)
    assert code == 0, err
    atlas = read_labelmap(output).values
    names = {
        26: "Sacrum",
        25: UNKNOWN_TISSUE,
        24: "Vertebra L5",
        20: "Vertebra L1",
        19: "Vertebra T12",
        1: "Vertebra C1",
    }
    for value, name in names.items():
        assert set(np.unique(atlas[values == value])) == {id_of(name)}, name


def test_a_scheme_that_is_not_there_is_a_wrong_call_of_the_command_line(run_command, tmp_path) -> None:
    ct = cylinder_body()
    write_volume(ct, tmp_path / "ct.nii.gz")
    write_labelmap(labelmap(np.zeros(ct.values.shape), ct.grid), tmp_path / "m.nii.gz")
    expert = f"file:{tmp_path / 'm.nii.gz'}@moose"
    code, _, err = run_command("atlas", tmp_path / "ct.nii.gz", "--experts", expert, "-o", tmp_path / "a.nii.gz")
    assert code == 2
    assert "moose-organs" in err
