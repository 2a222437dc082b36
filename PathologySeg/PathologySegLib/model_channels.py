"""Which of a model's channels is the CT, the PET or the anatomy, and which of its labels are lesions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.predictors.normalisation import CT as FIXED
from AnatomyGuidedLib.predictors.normalisation import Normalisation
from AnatomyGuidedLib.predictors.predictor import Labels

from PathologySegLib.petct.anatomy_channels import ANATOMY, GROUPS, anatomy_channel_names
from PathologySegLib.petct.inputs import EMPTY

CT, PET = "CT", "PET"

_WORDS = {
    **dict.fromkeys(("ct", "ctres"), CT),
    **dict.fromkeys(("pet", "pt", "suv", "fdg-pet"), PET),
    **dict.fromkeys(("anatomy", "ana"), ANATOMY),
    **dict.fromkeys(("empty", "zero"), EMPTY),
    **{name.lower(): name for name in anatomy_channel_names(GROUPS)},
}
_LESION_WORDS = re.compile(r"lesion|tumou?r|metasta|patholog|cancer|malignan|gtv", re.IGNORECASE)
_LOWEST_OF_A_PET, _HIGHEST_OF_A_PET = -50.0, 100.0


def channel_of(name: str) -> str:
    """What a channel of that name is; "" where the name does not say.

    >>> channel_of("SUV"), channel_of("noNorm")
    ('PET', '')
    """
    return _WORDS.get(name.strip().lower(), "")


def resolved_channels(model: str, names: Sequence[str], asked: Sequence[str] = ()) -> tuple[str, ...]:
    """What each channel of a model is, by its own names or by those asked for: CT, PET, anatomy (or a group), empty.

    >>> resolved_channels("m", ["ctres", "SUV"]), resolved_channels("m", ["CT", "CT"], asked=["ct", "pet"])
    (('CT', 'PET'), ('CT', 'PET'))

    Raises:
        UsageError: A name says neither, two channels are the same, none is the PET, or their number differs.
    """
    if asked and len(asked) != len(names):
        channels = "1 channel" if len(names) == 1 else f"{len(names)} channels"
        raise UsageError(f"The model {model} takes {channels}, but --channels names {len(asked)}.")
    found = tuple(channel_of(name) for name in asked or names)
    images = [name for name in found if name != EMPTY]
    if "" in found or len(set(images)) != len(images) or PET not in found:
        raise UsageError(
            f"The channels of {model} are called {', '.join(asked or names)}, but each must be one of ct, pet, anatomy "
            "and empty, and one the pet; tell their order as in the training with --channels ct,pet."
        )
    return found


def require_order(model: str, channels: Sequence[str], normalisations: Sequence[Normalisation]) -> None:
    """Nothing, unless a channel was trained on what cannot be this image: SUV clipped at -800, or HU from 0 to 20.

    Raises:
        UsageError: The channels seem to be in another order.
    """
    for name, norm in zip(channels, normalisations, strict=True):
        as_pet = norm.low >= 0 and norm.high <= _HIGHEST_OF_A_PET
        as_ct = norm.low < _LOWEST_OF_A_PET
        if norm.scheme == FIXED and ((name == PET and as_ct) or (name == CT and as_pet)):
            raise UsageError(
                f"The model {model} clips its channel {name} to {norm.low:g} to {norm.high:g}, which no {name} has: "
                "its channels are in another order; tell it with --channels."
            )


def lesion_values(model: str, labels: Labels, asked: Sequence[int] = ()) -> tuple[int, ...]:
    """The values of a model's label map that are lesions: those asked for, the only one, or those that are called so.

    >>> lesion_values("m", Labels((0, 1, 2, 3), {1: "liver", 2: "GTVp", 3: "GTVn"}))
    (2, 3)

    Raises:
        UsageError: The model has not what was asked for, or several labels and none with a lesion's name.
    """
    own = tuple(value for value in labels.values if value)
    listed = ", ".join(f"{value} {labels.names.get(value, '')}".strip() for value in own[:8])
    if asked:
        if not set(asked) <= set(own):
            raise UsageError(f"The model {model} has the labels {listed}, but {', '.join(map(str, asked))} was asked.")
        return tuple(asked)
    called = tuple(value for value in own if _LESION_WORDS.search(labels.names.get(value, "")))
    if len(own) == 1 or called:
        return called or own
    raise UsageError(
        f"The model {model} has {len(own)} labels ({listed}{', ...' if len(own) > 8 else ''}), but none is called a "
        "lesion or tumour; tell which are lesions with --lesion-labels."
    )
