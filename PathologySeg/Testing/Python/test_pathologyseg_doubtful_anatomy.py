"""Anatomy that a model predicted is doubted where the atlas's own checks fail, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.labels import id_of, structures
from AnatomyGuidedLib.phantom.patient import PatientOptions, make_patient
from PathologySegLib.doubtful_anatomy import doubt


@pytest.fixture(scope="module")
def anatomy() -> Labelmap:
    return make_patient(PatientOptions(spacing_mm=4.0, seed=11, sex="F")).anatomy


def rows(*names: str) -> list[dict[str, object]]:
    return [{"structure": "", "nearest_structure": name} for name in names]


def test_a_true_anatomy_is_believed(anatomy: Labelmap) -> None:
    assert doubt(anatomy, rows(*(label.name for label in structures()))) == ""


def test_a_structure_that_is_none_of_a_bodys_is_named_where_the_table_names_it(anatomy: Labelmap) -> None:
    """A liver of which 20 ml are left, in the middle of the body."""
    values = anatomy.values.copy()
    liver = np.argwhere(values == id_of("Liver"))
    away = np.linalg.norm(liver - liver.mean(0), axis=1)
    values[tuple(liver[np.argsort(away)[300:]].T)] = id_of("Unknown Tissue")
    found = doubt(Labelmap(values, anatomy.grid), rows("Liver", "Spleen"))
    assert "implausible" in found
    assert found.split("where it shows ")[1].startswith("Liver: look at")
    assert doubt(Labelmap(values, anatomy.grid), rows("Spleen")) == ""
    assert doubt(Labelmap(values, anatomy.grid), []) == ""
    assert doubt(Labelmap(np.zeros_like(values), anatomy.grid), rows("Liver")) == ""  # shows nothing to doubt


def test_a_doubtful_rib_is_named_as_the_table_names_it(anatomy: Labelmap) -> None:
    """The table says Costa 7 Left; people are shown Costa 7 Left (rib 6)."""
    values = anatomy.values.copy()
    rib = np.argwhere(values == id_of("Costa 7 Left"))
    away = np.linalg.norm(rib - rib[len(rib) // 2], axis=1)
    values[tuple(rib[np.argsort(away)[4:]].T)] = id_of("Muscles")
    assert "where it shows Costa 7 Left: look" in doubt(Labelmap(values, anatomy.grid), rows("Costa 7 Left"))


def test_where_many_structures_fail_none_is_believed(anatomy: Labelmap) -> None:
    """Every structure but the largest ones loses all but a few voxels; sides are dealt out anew."""
    values, rng = anatomy.values.copy(), np.random.default_rng(5)
    for label in structures():
        own = np.argwhere(values == label.id)
        if len(own) > 4:
            values[tuple(own[rng.permutation(len(own))[4:]].T)] = id_of("Muscles")
    found = doubt(Labelmap(values, anatomy.grid), rows("Muscles"))
    assert found.startswith("The predicted anatomy is not to be believed: ")
    told, shown = (int(word) for word in found.split() if word.isdigit())
    assert 0.2 * shown <= told <= shown <= 142


def test_an_anatomy_without_a_structure_that_can_fail_is_not_doubted(anatomy: Labelmap) -> None:
    nothing = Labelmap(np.full(anatomy.grid.shape, id_of("Unknown Tissue"), np.uint8), anatomy.grid)
    assert doubt(nothing, rows("Unknown Tissue")) == ""
