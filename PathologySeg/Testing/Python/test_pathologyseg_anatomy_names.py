"""Which structure a segment of an anatomy is: names of two tools, codes, and what is not known."""

from __future__ import annotations

import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.labels import id_of, label_by_name, scheme, terminology_entry
from PathologySegLib.anatomy_names import left_out, structures_called

TISSUE = "Segmentation category and type~SCT^85756007^Tissue~SCT^85756007^Tissue~^^~Anatomic codes~^^~^^"


@pytest.mark.parametrize(
    ("name", "structure"),
    [
        ("Kidney Left", "Kidney Left"),
        ("Costa 1 Left (rib 12)", "Costa 1 Left"),
        ("kidney_left", "Kidney Left"),
        ("KIDNEY  LEFT", "Kidney Left"),
        ("urinary_bladder", "Bladder"),
        ("rib_left_12", "Costa 1 Left"),
        ("thyroid_gland", "Unknown Tissue"),
    ],
)
def test_names_of_the_atlas_and_of_totalsegmentator_are_known(name, structure):
    known = structures_called({"a": name, "b": "Liver"}, {"a": TISSUE})
    assert known == {"a": id_of(structure), "b": id_of("Liver")}


def test_every_name_of_totalsegmentator_means_what_its_scheme_says():
    for source in (scheme("totalsegmentator"), scheme("totalsegmentator-v1")):
        known = structures_called({str(value): name for value, name in source.names.items()}, {})
        unknown = id_of("Unknown Tissue")
        assert known == {str(value): source.to_dap.get(value, unknown) for value in source.names}


def test_codes_tell_what_a_name_does_not_and_never_overrule_it():
    left, right = (terminology_entry(label_by_name(f"Kidney {side}")) for side in ("Left", "Right"))
    known = structures_called({"a": "linke Niere", "b": "Kidney Left"}, {"a": left, "b": right})
    assert known == {"a": id_of("Kidney Left"), "b": id_of("Kidney Left")}


@pytest.mark.parametrize("terminology", ["", TISSUE, "no entry", "a~b~c~d"])
def test_segments_that_nobody_knows_are_refused_by_name(terminology):
    names = {letter: f"Segment_{letter}" for letter in "abcde"}
    with pytest.raises(AnatomyGuidedError, match=r"\(it has Segment_a, Segment_b, Segment_c and 2 more\)"):
        structures_called(names, dict.fromkeys(names, terminology))


def test_an_empty_segmentation_and_one_of_no_structure_are_refused():
    with pytest.raises(AnatomyGuidedError, match="it is empty"):
        structures_called({}, {})
    with pytest.raises(AnatomyGuidedError, match="it has Unknown Tissue"):
        structures_called({"a": "Unknown Tissue"}, {})


def test_what_is_not_known_is_named():
    names = {"a": "Liver", "b": "sketch", "c": "ruler"}
    assert left_out(names, structures_called(names, {})).endswith("unknown: sketch, ruler.")
    assert left_out({"a": "Liver"}, {"a": id_of("Liver")}) == ""
