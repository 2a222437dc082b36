"""Made PET/CT in which organs are as hot as lesions: only who knows the organs can tell them apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from AnatomyGuidedLib.errors import UsageError
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom import Body, make_body
from AnatomyGuidedLib.phantom.ct import make_ct
from AnatomyGuidedLib.phantom.lesions import Lesions, make_lesions
from AnatomyGuidedLib.phantom.pet import blurred, draw_scan, noisy, with_lesions
from AnatomyGuidedLib.phantom.sarcomas import Sarcoma
from AnatomyGuidedLib.phantom.scan import draw_scan as draw_ct_scan
from AnatomyGuidedLib.phantom.uptake import draw_uptake
from AnatomyGuidedLib.phantom.uptake_places import put_findings, put_interiors
from AnatomyGuidedLib.study_options import require_positive

from PathologySegLib.learning.cases import Case, Field, Ids, read_case, write_case
from PathologySegLib.learning.patches import padded_crop
from PathologySegLib.learning.sarcoma_patients import SarcomaPatients, drawn_sarcoma, narrow_box

AIR_HU = -1024.0
_SOFT_HU, _SOFT_MEAN_HU = (-150.0, 250.0), 40.0
_SARCOMA_STREAM = 4

AtlasPredictor = Callable[[Field, float], Ids]
"""From HU [i, j, k] along R, A, S and a spacing in mm to DAP ids."""


@dataclass(frozen=True)
class PhantomSettings:
    """Which patients are made, and how hard they are.

    `ct_contrast` scales how far soft tissues differ in HU (1 as scanned, 0 all alike); `anatomy_corruption` is the
    share of structures that the predicted anatomy loses. Each of `hot_organs` is hot with the chance `hot`, with an SUV
    from where lesions have theirs; with a `quiet_suv` above 0 all other physiological uptake ends there, for trainings
    that are too short to learn brain, bladder and bowel.

    Raises:
        UsageError: A value is none that patients can be made with.
    """

    spacing_mm: float = 7.0
    shape: tuple[int, int, int] = (64, 48, 48)
    healthy: float = 0.2
    most_lesions: int = 6
    smallest_ml: float = 1.5
    suv: tuple[float, float] = (4.0, 12.0)
    hot: float = 0.5
    quiet_suv: float = 0.0
    hot_organs: tuple[str, ...] = ("Kidney Left", "Kidney Right")
    ct_contrast: float = 1.0
    anatomy_corruption: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "spacing_mm", "shape", "most_lesions", "suv")
        for name in ("healthy", "hot", "ct_contrast", "anatomy_corruption"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UsageError(f"The setting {name} must be 0 to 1, but is {getattr(self, name):g}.")


class PhantomCases:
    """So many made patients; each is made once and kept in the folder, its predicted anatomy with it."""

    def __init__(
        self,
        settings: PhantomSettings,
        count: int,
        folder: Path,
        predict: AtlasPredictor,
        sarcomas: SarcomaPatients | None = None,
    ) -> None:
        self._settings, self._count, self._folder, self._predict = settings, count, folder, predict
        self._sarcomas = sarcomas
        folder.mkdir(parents=True, exist_ok=True)

    def __len__(self) -> int:
        return self._count

    def case(self, number: int) -> Case:
        path = self._folder / f"case_{number:04d}.npz"
        if not path.is_file():
            made = make_case(self._settings, number, self._sarcomas)
            write_case(with_predicted(made, self._settings, number, self._predict), path)
        return read_case(path)


def make_case(settings: PhantomSettings, number: int, sarcomas: SarcomaPatients | None = None) -> Case:
    """Patient `number`, with the true anatomy only; all but a sarcoma is the same in the patient without one."""
    rng = np.random.default_rng([settings.seed, number])
    healthy = bool(rng.random() < settings.healthy)
    body = make_body(spacing_mm=settings.spacing_mm, sex="FM"[number % 2], seed=int(rng.integers(1 << 30)))
    count = 0 if healthy else int(rng.integers(1, settings.most_lesions + 1))
    lesions = _large(make_lesions(body, count=count, rng=rng), settings, rng)
    own = np.random.default_rng([settings.seed, number, _SARCOMA_STREAM])
    sarcoma = drawn_sarcoma(body, lesions, sarcomas, own) if sarcomas else None
    every = sarcoma.among(lesions) if sarcoma else lesions
    hu = with_contrast(make_ct(body, every, draw_ct_scan(body.plan, rng), rng=rng), settings.ct_contrast)
    suv = make_hot_pet(body, lesions, settings, rng, sarcoma)
    narrow = narrow_box(body, sarcoma, sarcomas, own) if sarcomas else None
    low, shape = narrow or (_corner(body, every, settings, rng), settings.shape)
    ct, pet = padded_crop(hu, low, shape, AIR_HU), padded_crop(suv, low, shape, 0.0)
    found, ids = padded_crop(every.numbers > 0, low, shape, 0), padded_crop(body.labels, low, shape, 0)
    return Case(f"case_{number:04d}", settings.spacing_mm, ct, pet, found, {"true": ids})


def with_predicted(case: Case, settings: PhantomSettings, number: int, predict: AtlasPredictor) -> Case:
    """The same case with the anatomy that an atlas model sees in its CT, less what the settings take from it."""
    predicted = predict(case.ct, case.spacing_mm)
    rng = np.random.default_rng([settings.seed, number, 1])
    lost = rng.random(256) < settings.anatomy_corruption
    return replace(case, anatomies={**case.anatomies, "predicted": np.where(lost[predicted], np.uint8(0), predicted)})


def make_hot_pet(
    body: Body,
    lesions: Lesions,
    settings: PhantomSettings,
    rng: np.random.Generator,
    sarcoma: Sarcoma | None = None,
) -> Field:
    """SUV of a body some of whose organs are drawn as hot as its lesions are."""
    uptake = draw_uptake(body.plan, rng)
    table = uptake.table.copy()
    for name in settings.hot_organs:
        is_hot, drawn = rng.random() < settings.hot, rng.uniform(*settings.suv)
        if is_hot:
            table[id_of(name)] = drawn
        elif settings.quiet_suv:
            table[id_of(name)] = min(float(table[id_of(name)]), settings.quiet_suv)
    heated = np.isin(body.labels, [id_of(name) for name in settings.hot_organs])
    suv = table[body.labels]
    if settings.quiet_suv:
        suv = np.where(heated, suv, np.minimum(suv, np.float32(settings.quiet_suv)))
    else:
        put_interiors(suv, body, replace(uptake, table=table), rng)
        put_findings(suv, body, uptake, rng)
        suv[heated] = table[body.labels[heated]]
    scan = draw_scan(body.plan.weight_kg, rng)
    suv = with_lesions(suv, lesions, body.spacing_mm)
    suv = blurred(sarcoma.within(suv) if sarcoma else suv, scan.fwhm_mm, body.spacing_mm)
    return noisy(suv, scan, uptake.liver, body.spacing_mm, rng)


def with_contrast(hu: Field, contrast: float) -> Field:
    """The same CT with soft tissues that differ by so much of what they do.

    >>> with_contrast(np.array([-900, -60, 40, 240], np.float32), 0.5)
    array([-900.,  -10.,   40.,  140.], dtype=float32)
    """
    soft = (hu > _SOFT_HU[0]) & (hu < _SOFT_HU[1])
    return np.where(soft, _SOFT_MEAN_HU + contrast * (hu - _SOFT_MEAN_HU), hu).astype(np.float32)


def _large(lesions: Lesions, settings: PhantomSettings, rng: np.random.Generator) -> Lesions:
    """Those of at least the smallest volume, with SUV from where hot organs have theirs.

    A core that is most of a lesion, as happens in coarse voxels, is left out: nothing would be left to be seen.
    """
    kept = [lesion for lesion in lesions.each if lesion.volume_ml >= settings.smallest_ml]
    new = np.zeros(len(lesions.each) + 1, lesions.numbers.dtype)
    new[[lesion.number for lesion in kept]] = np.arange(1, len(kept) + 1)
    numbers = new[lesions.numbers]
    hot = (
        replace(lesion, number=number, suv=float(rng.uniform(*settings.suv))) for number, lesion in enumerate(kept, 1)
    )
    cores = np.bincount(numbers[lesions.necrotic], minlength=len(new)) > 0.5 * np.bincount(
        numbers.ravel(), minlength=len(new)
    )
    return Lesions(numbers, lesions.necrotic & (numbers > 0) & ~cores[numbers], tuple(hot))


def _corner(
    body: Body, lesions: Lesions, settings: PhantomSettings, rng: np.random.Generator
) -> tuple[int, int, int]:  # fmt: skip
    """The first voxel of the box that is imaged: the body's middle across, along it a place that holds a lesion."""
    (i, j, k), (width, depth, height) = body.labels.shape, settings.shape
    levels = np.flatnonzero((lesions.numbers > 0).any((0, 1)))
    middle = int(rng.choice(levels)) if len(levels) else int(rng.integers(k))
    low = middle - int(rng.integers(height // 4, height - height // 4))
    return (i - width) // 2, (j - depth) // 2, int(np.clip(low, 0, max(0, k - height)))
