"""What the CT adds to the rules: the right label under a piece that loses its own, and organs that lost all voxels."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Grid, GridMismatch, Labelmap, Volume
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of
from AnatomyGuidedLib.phantom import PatientOptions, make_patient
from DAPAtlasLib.rules.catalogue import repair
from DAPAtlasLib.rules.context import Context
from DAPAtlasLib.rules.dissolve import dissolved
from DAPAtlasLib.rules.finding import relabelled
from DAPAtlasLib.rules.pieces import in_pieces
from made_images import grid, labelmap, reoriented

LIVER, FAT, BLADDER, PROSTATE, KIDNEY = (id_of(n) for n in ("Liver", "Fat", "Bladder", "Prostate", "Kidney Right"))
AS_STORED = [((0, 1, 2), (False, False, False)), ((2, 0, 1), (True, False, True))]


def two_tissues() -> tuple[np.ndarray, np.ndarray]:
    """Liver (60 HU) beside fat (-100 HU), and a piece of bladder that lies across their border at i = 10."""
    labels = np.full((20, 12, 10), LIVER, np.uint8)
    labels[10:] = FAT
    hu = np.where(labels == LIVER, 60.0, -100.0).astype(np.float32)
    hu += np.random.default_rng(1).normal(0, 10, hu.shape).astype(np.float32)
    labels[8:14, 4:8, 3:7] = BLADDER
    return labels, hu


@pytest.mark.parametrize("stored", AS_STORED)
def test_each_voxel_takes_the_label_around_that_its_hu_fits(stored):
    labels, hu = two_tissues()
    on = grid(labels.shape)
    pieces = in_pieces(Labelmap(*reoriented(labels, on, *stored)))
    ct = Volume(*reoriented(hu, on, *stored), "HU")
    mended, _ = relabelled(*dissolved(pieces, [pieces.of("Bladder")], ct))
    expected = np.where(np.arange(20)[:, None, None] < 10, LIVER, FAT) * np.ones_like(labels)
    assert np.array_equal(mended.labelmap().values, reoriented(expected.astype(np.uint8), on, *stored)[0])


def test_without_a_ct_the_label_of_most_of_the_border_is_taken():
    labels, _ = two_tissues()
    pieces = in_pieces(labelmap(labels))
    mended, moves = relabelled(*dissolved(pieces, [pieces.of("Bladder")], None))
    assert {move.target for move in moves} == {FAT}  # four of six layers lie in it
    assert (mended.labelmap().values[8:14, 4:8, 3:7] == FAT).all()


def test_what_touches_only_what_dissolves_too_is_unknown_tissue():
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[1:3, 1:5, 1:5], labels[3:5, 1:5, 1:5] = BLADDER, PROSTATE
    pieces = in_pieces(labelmap(labels))
    ct = Volume(np.zeros(labels.shape, np.float32), pieces.grid, "HU")
    bodies = [pieces.of("Bladder"), pieces.of("Prostate")]
    mended, _ = relabelled(*dissolved(pieces, bodies, ct))
    assert set(np.unique(mended.labelmap().values)) == {0, id_of(UNKNOWN_TISSUE)}


@pytest.fixture(scope="module")
def patient():
    return make_patient(PatientOptions(spacing_mm=4.0, seed=2, sex="F"))


def with_kidney_named_bladder(patient) -> Labelmap:
    values = np.where(patient.anatomy.values == KIDNEY, BLADDER, patient.anatomy.values).astype(np.uint8)
    return Labelmap(values, patient.anatomy.grid)


@pytest.mark.parametrize("stored", AS_STORED)
def test_a_kidney_that_is_named_bladder_is_told_by_its_partner(patient, stored):
    wrong = with_kidney_named_bladder(patient)
    turned = Labelmap(*reoriented(wrong.values, wrong.grid, *stored))
    ct = Volume(*reoriented(patient.ct.values, patient.ct.grid, *stored), "HU")
    mended = repair(turned, Context("F", ct))
    assert np.array_equal(mended.labelmap.values, reoriented(patient.anatomy.values, wrong.grid, *stored)[0])
    assert np.array_equal(mended.without("place").labelmap.values, turned.values)


def test_what_has_another_hu_than_the_partner_is_no_kidney(patient):
    wrong = with_kidney_named_bladder(patient)
    cyst = np.where(patient.anatomy.values == KIDNEY, -40.0, patient.ct.values).astype(np.float32)
    mended = repair(wrong, Context("F", Volume(cyst, patient.ct.grid, "HU"))).labelmap.values
    assert not (mended == KIDNEY).any()
    assert not (mended[patient.anatomy.values == KIDNEY] == BLADDER).any()


def test_of_two_bodies_that_could_be_the_absent_gallbladder_one_takes_its_name(patient):
    values = patient.anatomy.values.copy()
    gallbladder = id_of("Gallbladder")
    liver = np.argwhere(values == LIVER)
    inside = liver[np.linalg.norm((liver - liver.mean(axis=0)) * 4.0, axis=1) < 10]
    hu = patient.ct.values.copy()
    hu[tuple(inside.T)] = 10.0
    values[values == gallbladder] = BLADDER
    values[tuple(inside.T)] = BLADDER
    on = patient.anatomy.grid
    mended = repair(Labelmap(values, on), Context("F", Volume(hu, on, "HU"))).labelmap.values
    named = in_pieces(Labelmap(np.where(mended == gallbladder, mended, 1).astype(np.uint8), on))
    assert named.of("Gallbladder").size <= 1


def test_a_clean_patient_stays_as_it_is(patient):
    mended = repair(patient.anatomy, Context("F", patient.ct))
    assert np.count_nonzero(mended.labelmap.values != patient.anatomy.values) <= 5


def test_applied_twice_the_rules_change_nothing_more(patient):
    wrong = with_kidney_named_bladder(patient)
    once = repair(wrong, Context("F", patient.ct)).labelmap
    again = repair(once, Context("F", patient.ct)).labelmap
    assert np.array_equal(once.values, again.values)


def test_a_ct_of_another_patient_is_refused(patient):
    other = Volume(patient.ct.values[:-1], Grid((patient.ct.grid.shape[0] - 1, *patient.ct.grid.shape[1:]), np.eye(4)))
    with pytest.raises(GridMismatch):
        repair(patient.anatomy, Context("F", other))
