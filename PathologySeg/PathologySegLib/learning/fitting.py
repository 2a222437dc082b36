"""Whether patches can be halved as often as the networks that see them do, said before anything is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, prod
from typing import Any

from AnatomyGuidedLib.errors import UsageError


def require_fitting(shape: Sequence[int], network: Mapping[str, Any], name: str) -> None:
    """Nothing, if the network (a card's entry) can take patches of this shape apart and put them together again.

    Raises:
        UsageError: It cannot.
    """
    step = _step(network)
    if any(size % step for size in shape):
        raise UsageError(
            f"The patches have {_told(shape)} voxels, but multiples of {step} were expected for "
            f"{name} with its {step.bit_length()} levels; change sampling.shape."
        )
    require_seen(shape, network, name)


def require_seen(shape: Sequence[int], network: Mapping[str, Any], name: str) -> None:
    """Nothing, if patches of this shape leave the network's deepest level more than a voxel, as its norms need.

    Raises:
        UsageError: They do not.
    """
    step = _step(network)
    if prod(ceil(size / step) for size in shape) == 1:
        raise UsageError(
            f"The patches have {_told(shape)} voxels, of which the deepest of the {step.bit_length()} levels of {name} "
            "sees one, but more were expected; change sampling.shape."
        )


def _step(network: Mapping[str, Any]) -> int:
    from AnatomyGuidedLib.networks.build import divisors_of

    return max(divisors_of(network))


def _told(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
