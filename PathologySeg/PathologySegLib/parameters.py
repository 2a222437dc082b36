"""What a person may choose when lesions are read: the same object for panel, console and command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from AnatomyGuidedLib.devices import require_device
from AnatomyGuidedLib.errors import UsageError

THRESHOLD_READINGS = ("suv4", "suv41")
PERCIST = "percist"
READINGS = (*THRESHOLD_READINGS, PERCIST)
GRIDS = ("pet", "ct")
EACH, ONE = "each", "one"
SEGMENTS = (EACH, ONE)
_DEFAULT_THRESHOLD_SUV = 4.0


@dataclass(frozen=True)
class ModelChoice:
    """What a model does not say of itself, and where it computes.

    `channels` name its channels in their order (ct, pet, anatomy, empty); `lesion_labels` are the values that are
    lesions; `orientation` are the axis codes of its training images; `trust` reads pickles as they are;
    `anatomy_model` predicts the anatomy from the CT where none is given.

    Raises:
        UsageError: The device or the orientation is none that there is.
    """

    channels: tuple[str, ...] = ()
    lesion_labels: tuple[int, ...] = ()
    orientation: str | None = None
    trust: bool = False
    device: str = "auto"
    anatomy_model: str | None = None

    def __post_init__(self) -> None:
        require_device(self.device)
        if self.orientation and sorted(self.orientation.translate(str.maketrans("LPI", "RAS"))) != sorted("RAS"):
            raise UsageError(f"The orientation is {self.orientation!r}, but axis codes such as LAS were expected.")

    def words(self) -> list[str]:
        """These choices as options of the command line, those that are the defaults left out."""
        given = {
            "--channels": ",".join(self.channels),
            "--lesion-labels": ",".join(map(str, self.lesion_labels)),
            "--orientation": self.orientation,
            "--device": "" if self.device == "auto" else self.device,
            "--anatomy-model": self.anatomy_model,
        }
        words = [word for option, value in given.items() if value for word in (option, value)]
        return words + ["--trust"] * self.trust


@dataclass(frozen=True)
class LesionParameters:
    """A reading, its threshold, and how the result is given.

    `reading`: "suv4" takes every voxel from a fixed SUV on; "suv41" grows each hot spot to 41 % of its maximum;
    "percist" takes its threshold from the liver; any other word is a model's name or folder. `threshold_suv` is the
    fixed SUV for "suv4" and the least maximum of a hot spot for "suv41" (4 for both when not given); the others have
    none to choose. `segments`: "each" numbers the lesions, "one" puts all into one segment.

    Raises:
        UsageError: The threshold is not above 0, or is given for a reading that has none; the grid or the segments are
            unknown.
    """

    reading: str = "suv4"
    threshold_suv: float | None = None
    grid: str = "pet"
    segments: str = EACH
    model: ModelChoice = field(default_factory=ModelChoice)

    def __post_init__(self) -> None:
        if self.grid not in GRIDS:
            raise UsageError(f"The grid is {self.grid!r}, but pet or ct was expected.")
        if self.segments not in SEGMENTS:
            raise UsageError(f"The segments are {self.segments!r}, but each or one was expected.")
        if self.threshold_suv is None:
            return
        if self.reading == PERCIST:
            raise UsageError("percist takes its threshold from the liver; leave --threshold away.")
        if self.is_model:
            raise UsageError(f"A model ({Path(self.reading).name}) takes no threshold; leave --threshold away.")
        if not 0 < self.threshold_suv < inf:
            raise UsageError(f"The threshold is {self.threshold_suv:g}, but an SUV above 0 was expected.")

    @property
    def is_model(self) -> bool:
        """Whether the reading is a model and none of the thresholds."""
        return self.reading not in READINGS

    @property
    def uses_networks(self) -> bool:
        """Whether a model reads, or predicts the anatomy."""
        return self.is_model or self.model.anatomy_model is not None

    @property
    def title(self) -> str:
        """What a result is called after: the reading or the model, and the threshold that was given.

        >>> LesionParameters("suv4", 2.5).title, LesionParameters("percist").title
        ('suv4 from SUV 2.5', 'percist')
        """
        name = Path(self.reading).name if self.is_model else self.reading
        return name if self.threshold_suv is None else f"{name} from SUV {self.threshold_suv:g}"

    @property
    def least_suv(self) -> float:
        """The threshold given, or 4."""
        return _DEFAULT_THRESHOLD_SUV if self.threshold_suv is None else self.threshold_suv

    def words(self, ct: Path, pet: Path, output: Path, *, anatomy: str | Path | None = None) -> list[str]:
        """The command line that means the same: `anatomyguided` followed by these words."""
        words = ["lesions", str(ct), str(pet), "-o", str(output), "--model", self.reading, "--grid", self.grid]
        words += ["--threshold", str(self.threshold_suv)] if self.threshold_suv is not None else []
        words += ["--segments", self.segments] if self.segments != EACH else []
        return words + self.model.words() + (["--anatomy", str(anatomy)] if anatomy else [])
