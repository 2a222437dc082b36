"""Rules and report on maps that no anatomy made, as of a network that was never trained: an answer, and no crash."""

from __future__ import annotations

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Labelmap, Volume
from AnatomyGuidedLib.labels import ids_where, structures
from DAPAtlasLib.plausibility.assess import assess
from DAPAtlasLib.plausibility.case import Case
from DAPAtlasLib.rules.catalogue import RULES, repair
from DAPAtlasLib.rules.context import VERTEBRAE, Context
from made_images import grid

AMONG = {
    "everything": ids_where(lambda label: label.id in {one.id for one in structures()}),
    "a spine and ribs": ids_where(lambda label: label.name in VERTEBRAE or label.anatomical_rib is not None),
    "what has a side": ids_where(lambda label: bool(label.side)),
}


def noise(seed: int, ids: tuple[int, ...], block: int) -> tuple[Labelmap, Volume]:
    """Blocks of random labels with gaps, turned and flipped at random, and a CT of noise."""
    rng = np.random.default_rng([seed, block])
    coarse = rng.choice([0, *ids], (8, 7, 10), p=[0.3, *[0.7 / len(ids)] * len(ids)])
    values = coarse.repeat(block, 0).repeat(block, 1).repeat(block, 2).astype(np.uint8)
    flips = tuple(rng.choice((-1.0, 1.0), 3))
    on = grid(values.shape, (4.0, 5.0, 6.0), flips=flips, rotation_degrees=tuple(rng.uniform(-40, 40, 3)))
    return Labelmap(values, on), Volume(rng.normal(0, 300, values.shape).astype(np.float32), on, "HU")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("block", [1, 2])
@pytest.mark.parametrize("ids", AMONG.values(), ids=AMONG)
def test_every_rule_and_check_has_an_answer(ids, block, seed):
    labelmap, ct = noise(seed, ids, block)
    sex = "FM"[seed % 2]
    result = repair(labelmap, Context(sex, ct if seed % 4 < 2 else None))
    assert [finding.rule for finding in result.findings] == [*RULES]
    assert all(finding.reason for finding in result.findings)
    assert not result.labelmap.values[labelmap.values == 0].any()
    assert np.array_equal(result.without(*RULES).labelmap.values, labelmap.values)
    assert assess(Case(result.pieces, sex, None, None, {}, {}))
