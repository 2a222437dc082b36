"""Made patients with a sarcoma: the same patients as without, but for the tumour and how much of them is imaged."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.phantom.sarcomas import SarcomaSettings
from PathologySegLib.learning.cases import Case
from PathologySegLib.learning.phantom_cases import PhantomSettings, make_case
from PathologySegLib.learning.sarcoma_patients import SarcomaPatients
from scipy import ndimage

PHANTOMS = PhantomSettings(spacing_mm=9.0, shape=(56, 40, 120), healthy=0.0, most_lesions=2)
TUMOUR = SarcomaSettings(volume_ml=(300.0, 300.0), suv=(5.0, 5.0), necrosis=(0.2, 0.2))


def patient(number: int, **patients: object) -> Case:
    return make_case(PHANTOMS, number, SarcomaPatients(tumour=TUMOUR, **patients))  # type: ignore[arg-type]


def test_without_a_share_of_sarcomas_patients_are_the_same_to_the_last_bit() -> None:
    for number in range(2):
        before, now = make_case(PHANTOMS, number), patient(number, share=0.0)
        for name in ("ct", "pet", "lesions"):
            assert getattr(before, name).tobytes() == getattr(now, name).tobytes()


def test_a_sarcoma_changes_nothing_of_the_pet_and_the_lesions_but_where_it_is() -> None:
    for number in range(2):
        before, now = make_case(PHANTOMS, number), patient(number, share=1.0, narrow=0.0)
        added = now.lesions & ~before.lesions
        assert (now.lesions | ~before.lesions).all()
        assert added.sum() * 0.9**3 == pytest.approx(300.0, rel=0.25)
        around = ndimage.binary_dilation(added, np.ones((3, 3, 3)), iterations=3)
        assert (before.pet != now.pet)[added].mean() > 0.95
        np.testing.assert_array_equal(before.pet[~around], now.pet[~around])
        assert np.percentile(now.pet[added], 75) > 2.0 > 2.0 * np.median(before.pet[added])


def test_a_narrow_image_shows_the_whole_tumour_in_the_field_that_was_asked_for() -> None:
    for number in range(4):
        wide, narrow = (patient(number, share=1.0, narrow=narrow, field_mm=(160.0, 250.0)) for narrow in (0.0, 1.0))
        tumour = wide.lesions & ~make_case(PHANTOMS, number).lesions
        extent = np.ptp(np.argwhere(tumour), axis=0) + 1
        assert all(np.ceil(160 / 9) <= side <= max(np.ceil(250 / 9), most)
                   for side, most in zip(narrow.ct.shape, extent, strict=True))  # fmt: skip
        assert narrow.ct.shape == narrow.pet.shape == narrow.lesions.shape == narrow.anatomy("true").shape
        assert narrow.lesions.sum() >= tumour.sum()
        place = np.array(np.unravel_index(int(np.argmax(narrow.pet)), narrow.pet.shape))
        there = np.argwhere(np.isclose(wide.pet, narrow.pet.max()))
        assert any((wide.ct[tuple(voxel)] == narrow.ct[tuple(place)]) for voxel in there)


def test_shares_and_fields_that_cannot_be_are_refused() -> None:
    for wrong in ({"share": 1.5}, {"narrow": -0.1}, {"field_mm": (0.0, 3.0)}, {"field_mm": (300.0, 200.0)}):
        with pytest.raises(UsageError):
            SarcomaPatients(**wrong)  # type: ignore[arg-type]


def test_the_studys_patients_know_nothing_of_sarcomas() -> None:
    """A study that goes on is told by its settings: a new one would make it begin anew."""
    assert [entry.name for entry in fields(PhantomSettings)] == [
        "spacing_mm", "shape", "healthy", "most_lesions", "smallest_ml", "suv", "hot", "quiet_suv", "hot_organs",
        "ct_contrast", "anatomy_corruption", "seed",
    ]  # fmt: skip
