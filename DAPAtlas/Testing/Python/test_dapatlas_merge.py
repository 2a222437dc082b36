"""Merging coarse to fine against a slow rule-by-rule oracle, and its account of what covers what."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import GridMismatch
from AnatomyGuidedLib.labels import UNKNOWN_TISSUE, id_of, label_by_id
from DAPAtlasLib.merge import merge
from made_images import grid, labelmap

UNKNOWN = id_of(UNKNOWN_TISSUE)
LIVER, PORTAL, MUSCLES, FAT, SPLEEN = (
    id_of(name) for name in ("Liver", "Portal Vein and Splenic Vein", "Muscles", "Fat", "Spleen")
)


def test_a_vessel_covers_an_organ_and_an_organ_a_tissue_whoever_is_named_first():
    tissue, organ, vessel = (labelmap(np.full((2, 2, 2), label)) for label in (MUSCLES, LIVER, PORTAL))
    for order in ([tissue, organ, vessel], [vessel, organ, tissue], [organ, tissue, vessel]):
        merged = merge([(str(index), one) for index, one in enumerate(order)])
        assert (merged.labelmap.values == PORTAL).all()


def test_at_one_level_the_expert_named_first_keeps_the_voxel():
    liver, spleen = labelmap(np.full((2, 2, 2), LIVER)), labelmap(np.full((2, 2, 2), SPLEEN))
    assert (merge([("a", liver), ("b", spleen)]).labelmap.values == LIVER).all()
    assert (merge([("b", spleen), ("a", liver)]).labelmap.values == SPLEEN).all()


def test_partial_maps_of_one_structure_are_united():
    upper, lower = np.zeros((2, 2, 4)), np.zeros((2, 2, 4))
    upper[:, :, 2:], lower[:, :, :3] = LIVER, LIVER
    assert (merge([("a", labelmap(upper)), ("b", labelmap(lower))]).labelmap.values == LIVER).all()


def test_unknown_tissue_and_background_never_cover_a_structure():
    fat = labelmap(np.full((2, 2, 2), FAT))
    for empty in (0, UNKNOWN):
        assert (merge([("fat", fat), ("other", labelmap(np.full((2, 2, 2), empty)))]).labelmap.values == FAT).all()


def test_random_maps_agree_with_a_voxel_by_voxel_oracle():
    rng = np.random.default_rng(5)
    candidates = [0, UNKNOWN, MUSCLES, FAT, LIVER, SPLEEN, PORTAL, id_of("Aorta"), id_of("Costa 1 Left")]
    maps = [labelmap(rng.choice(candidates, (4, 5, 6))) for _ in range(4)]
    merged = merge([(str(index), one) for index, one in enumerate(maps)])
    for voxel in np.ndindex(4, 5, 6):
        offers = [int(one.values[voxel]) for one in maps]
        structures = [offer for offer in offers if offer and offer != UNKNOWN]
        finest = max((label_by_id(offer).level for offer in structures), default=None)
        best = next((offer for offer in structures if label_by_id(offer).level == finest), None)
        expected = best if best is not None else max(offers)
        assert merged.labelmap.values[voxel] == expected


def test_the_account_names_what_covers_each_lost_voxel():
    organ = np.full((1, 1, 10), LIVER)
    vessel = np.zeros((1, 1, 10))
    vessel[..., :3] = PORTAL
    account = {(entry.expert, entry.label): entry for entry in merge(
        [("organs", labelmap(organ)), ("vessels", labelmap(vessel))]
    ).contributions}  # fmt: skip
    assert (account["organs", LIVER].voxels, account["organs", LIVER].kept_voxels) == (10, 7)
    assert account["organs", LIVER].covered_by == {PORTAL: 3}
    assert account["vessels", PORTAL].covered_by == {}


def test_experts_on_different_grids_are_refused():
    one, other = labelmap(np.ones((2, 2, 2))), labelmap(np.ones((2, 2, 2)), grid((2, 2, 2), origin_ras=(0, 0, 0)))
    with pytest.raises(GridMismatch):
        merge([("a", one), ("b", other)])


def test_no_expert_at_all_is_refused():
    with pytest.raises(AnatomyGuidedError, match="nothing to merge"):
        merge([])
