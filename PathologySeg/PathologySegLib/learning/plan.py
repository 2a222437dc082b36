"""The comparison as it was written down before its first run: arms, tiers, statistics and pass rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.learning.settings import TrainingSettings
from AnatomyGuidedLib.study_options import (
    read_settings,
    require_below_one,
    require_not_negative,
    require_positive,
    with_settings,
)
from AnatomyGuidedLib.train_command import recipe_file

from PathologySegLib.grasp.settings import FusionSettings
from PathologySegLib.learning.arms import Arm
from PathologySegLib.learning.backbones import MONAIS, Backbone
from PathologySegLib.learning.channels import channel_count
from PathologySegLib.learning.fitting import require_fitting
from PathologySegLib.learning.patches import SamplingSettings
from PathologySegLib.learning.phantom_cases import PhantomSettings

BASELINE = "baseline"
FILE = Path(__file__).parents[1] / "data" / "petct_phantom.json"
RuleKind = Literal["gains_at_least", "gains_less_than_share", "interval_above_0", "interval_holds_0"]


@dataclass(frozen=True)
class Contender:
    """A backbone under a name, and the atlas models whose encoders it is fused with ("" where there is none)."""

    name: str = "3D U-Net"
    backbone: Backbone = field(default_factory=Backbone)
    mirror: str = "dap-demo"
    mixture: str = ""


@dataclass(frozen=True)
class TierSettings:
    """How large a tier is.

    `cases` are made and split at random, once for each of `splits`: `training_share` of them are learned from (of these
    at most `training_cases`, where that is above 0), the others are predicted. `atlas` is the model whose labels are
    the predicted anatomy. `form` is how label maps are shown: "scalar" as the thesis does, or "groups". `even` is the
    thesis's DiceCE; `prior` is the share that a network calls a lesion before it learned anything,
    `overlap` how much of a window the next one covers again.
    """

    splits: int = 5
    cases: int = 40
    training_share: float = 0.7
    training_cases: int = 0
    arms: tuple[str, ...] = ()
    contenders: tuple[Contender, ...] = (Contender(),)
    atlas: str = "dap-demo"
    form: str = "groups"
    even: bool = True
    prior: float = 0.0
    overlap: float = 0.5
    phantoms: PhantomSettings = field(default_factory=PhantomSettings)
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    fusion: FusionSettings = field(default_factory=FusionSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        require_positive(self, "splits", "cases", "training_share")
        require_not_negative(self, "training_cases")
        require_below_one(self, "prior", "overlap")
        channel_count(self.form)  # which refuses an unknown one
        if not 0.0 < self.training_share < 1.0:
            raise UsageError(f"The setting training_share must be between 0 and 1, but is {self.training_share:g}.")

    def told(self) -> dict[str, Any]:
        """All settings for a JSON file."""
        return asdict(self)


@dataclass(frozen=True)
class Rule:
    """What an arm's gain over the baseline must be; `of` is another arm whose gain it is a share of."""

    kind: RuleKind
    arm: str
    least: float = 0.0
    of: str = ""
    share: float = 0.0


@dataclass(frozen=True)
class Statistics:
    """How intervals are made: cases are drawn with replacement, each with its mean over splits."""

    resamples: int = 10_000
    level: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Plan:
    """One tier of the comparison."""

    arms: Mapping[str, Arm]
    settings: TierSettings
    statistics: Statistics
    rules: tuple[Rule, ...]

    def arms_of(self, contender: Contender) -> dict[str, Arm]:
        """The arms that this backbone can take."""
        return {name: arm for name, arm in self.arms.items() if not _hindrance(arm, contender)}

    def left_out(self) -> list[str]:
        """A sentence on each backbone that cannot take an arm of the plan."""
        notes = []
        for contender in self.settings.contenders:
            hindered: dict[str, list[str]] = {}
            for name, arm in self.arms.items():
                if reason := _hindrance(arm, contender):
                    hindered.setdefault(reason, []).append(name)
            notes += [f"{contender.name}: {', '.join(names)} not run: {reason}." for reason, names in hindered.items()]
        return notes


def _hindrance(arm: Arm, contender: Contender) -> str:
    """Why the backbone cannot take the arm; nothing where it can."""
    if arm.fusion == "mixture" and not contender.mixture:
        return "the settings name no encoder of another architecture as its mixture"
    if contender.backbone.architecture in MONAIS and (arm.weights_of != "none" or arm.residual):
        return "they widen our U-Net or make it residual, and this is none"
    return ""


def read_plan(tier: str, settings: Mapping[str, object] | None = None, path: Path = FILE) -> Plan:
    """The tier's plan, with a user's settings in place of its own.

    Raises:
        UsageError: A setting is unknown, an arm is asked for that there is none of, or one that others need is missing;
            all arms are to keep their fusion; or a backbone halves the patches oftener than they can be halved.
    """
    written = json.loads(path.read_text(encoding="utf-8"))
    known = {name: with_settings(Arm(), arm, where=f"arms.{name}.") for name, arm in written["arms"].items()}
    own = with_settings(TierSettings(), _with_backbones(written["tiers"][tier]), where=f"tiers.{tier}.")
    chosen = with_settings(own, _with_backbones(settings or {}))
    if chosen.fusion.kept:
        raise UsageError("Whether the fusion stays in prediction is told by the arms (grasp_mirror_kept and so on).")
    unknown = sorted(set(chosen.arms) - set(known))
    if unknown:
        raise UsageError(f"There is no arm {unknown[0]!r}; there are {', '.join(known)}.")
    _require_complete({name: known[name] for name in chosen.arms})
    _require_fitting_patches(chosen)
    rules = tuple(Rule(**rule) for rule in written["rules"].get(tier, ()))
    statistics = with_settings(Statistics(), written["statistics"])
    return Plan({name: known[name] for name in chosen.arms}, chosen, statistics, rules)


def _with_backbones(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, in which a contender may name a recipe of `train grasp` in place of its backbone.

    Raises:
        UsageError: There is no such recipe, or it has no backbone.
    """
    found = dict(settings)
    if isinstance(found.get("contenders"), list | tuple):
        found["contenders"] = [_with_backbone(one) for one in found["contenders"]]
    return found


def _with_backbone(contender: Any) -> Any:
    name = contender.get("backbone") if isinstance(contender, Mapping) else None
    if not isinstance(name, str):
        return contender
    recipe = read_settings(recipe_file(name))
    if "backbone" not in recipe:
        raise UsageError(f"The recipe {name} has no backbone; name one of `train grasp`, such as grasp-autopet-unet.")
    return {**contender, "backbone": recipe["backbone"]}


def _require_complete(arms: Mapping[str, Arm]) -> None:
    """Nothing, if the baseline is among the arms, and before each arm the one whose training it uses."""
    names = list(arms)
    if BASELINE not in arms:
        raise UsageError(f"The setting arms must name the {BASELINE}, which all others are compared with.")
    for place, (name, arm) in enumerate(arms.items()):
        if arm.same_training_as and arm.same_training_as not in names[:place]:
            raise UsageError(f"The arm {name} tries the weights of {arm.same_training_as}, which must come before it.")


def _require_fitting_patches(settings: TierSettings) -> None:
    """Nothing, if the patches can be halved as often as each backbone does."""
    for contender in settings.contenders:
        entry = contender.backbone.entry(channels=2, classes=2, deep_supervision=False)
        require_fitting(settings.sampling.shape, entry, contender.name)
