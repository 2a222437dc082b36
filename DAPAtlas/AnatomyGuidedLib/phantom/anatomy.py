"""A patient's label map: the body plan's solids, painted on a grid from the mantle inwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Labelmap
from AnatomyGuidedLib.labels import id_of
from AnatomyGuidedLib.phantom.abdomen import cavity, perirenal_fat, solid_organs
from AnatomyGuidedLib.phantom.body_plan import BodyPlan, make_plan
from AnatomyGuidedLib.phantom.bowel import bowel, hiatal_hernia
from AnatomyGuidedLib.phantom.heart import heart
from AnatomyGuidedLib.phantom.limbs import limb_bones
from AnatomyGuidedLib.phantom.lungs import airways, chest
from AnatomyGuidedLib.phantom.muscles import muscles
from AnatomyGuidedLib.phantom.painting import Canvas
from AnatomyGuidedLib.phantom.pelvis import pelvis
from AnatomyGuidedLib.phantom.ribs import lumbar_ribs, rib_cage
from AnatomyGuidedLib.phantom.shapes import Axes
from AnatomyGuidedLib.phantom.skull import head
from AnatomyGuidedLib.phantom.spine import spine
from AnatomyGuidedLib.phantom.surface import TABLE_DEPTH_MM, mantle, skin
from AnatomyGuidedLib.phantom.tidy import without_strays
from AnatomyGuidedLib.phantom.variants import (
    FIELDS_OF_VIEW,
    Variants,
    bent_body,
    description,
    draw,
    mirrored_body,
    normal,
    stored,
)
from AnatomyGuidedLib.phantom.vessels import vessels

_FINEST_MM, _COARSEST_MM = 1.0, 10.0
_LOW_S, _HIGH_S = -320.0, 716.0
_AIR_MM = 10.0
_VARIANTS_STREAM = 2
_BENT_MARGIN_MM = 24.0


@dataclass(frozen=True, eq=False)
class Body:
    """A made body as images are made of it: DAP ids (uint8), [i, j, k] along R, A and S, in cubes of one spacing."""

    labels: npt.NDArray[np.uint8]
    grid: Grid
    plan: BodyPlan
    variants: Variants

    @property
    def spacing_mm(self) -> float:
        return self.grid.spacing_mm[0]

    def stored(self, values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], Grid]:
        """An image of this body as the patient's files hold it: axes in their order and direction, and its grid."""
        return stored(values, self.grid, self.variants)

    def description(self) -> dict[str, object]:
        """The patient's measures, and what is abnormal where that was asked for."""
        plan = self.plan
        return {
            "age_years": plan.age_years,
            "height_cm": plan.height_cm,
            "weight_kg": plan.weight_kg,
            "arms": "raised" if plan.arms_raised else "beside the trunk",
        } | ({"variants": description(self.variants)} if self.variants.drawn else {})


def make_anatomy(
    *, spacing_mm: float, sex: str, seed: int, variants: bool = False
) -> tuple[Labelmap, dict[str, object]]:
    """A label map of DAP ids (uint8), and the patient's measures; one seed is one patient.

    Without variants it is a normal whole body, head to mid-thigh, stored as scanners do (i to the left, j to the back,
    k up). With them organs may be missing, the situs inverted, the spine bent, the body turned or shifted, the field of
    view shorter, and the axes in any order and direction; the description says which.

    Raises:
        AnatomyGuidedError: The spacing is not within 1 to 10 mm, or the sex not F or M.
    """
    body = make_body(spacing_mm=spacing_mm, sex=sex, seed=seed, variants=variants)
    return Labelmap(*body.stored(body.labels)), body.description()


def make_body(*, spacing_mm: float, sex: str, seed: int, variants: bool = False) -> Body:
    """The same patient before the axes are stored in their order.

    Raises:
        AnatomyGuidedError: The spacing is not within 1 to 10 mm, or the sex not F or M.
    """
    if not _FINEST_MM <= spacing_mm <= _COARSEST_MM:
        raise AnatomyGuidedError(f"The spacing is {spacing_mm:g} mm, but 1 to 10 mm was expected.")
    if sex not in ("F", "M"):
        raise AnatomyGuidedError(f"The sex must be F or M, but came as {sex!r}.")
    plan = make_plan(sex=sex, rng=np.random.default_rng(seed), spacing_mm=spacing_mm)
    deviations = draw(np.random.default_rng([seed, _VARIANTS_STREAM]), sex) if variants else normal()
    beyond = int(np.ceil(_BENT_MARGIN_MM / spacing_mm)) if deviations.bent else 0
    grid, axes = _grid(plan, spacing_mm, deviations.field_of_view, beyond)
    labels = _deviated(_painted(plan, axes, spacing_mm, deviations), spacing_mm, deviations)
    return Body(np.ascontiguousarray(labels[:, :, beyond : labels.shape[2] - beyond]), grid, plan, deviations)


def _deviated(labels: npt.NDArray[np.uint8], spacing_mm: float, variants: Variants) -> npt.NDArray[np.uint8]:
    if variants.situs_inversus:
        labels = mirrored_body(labels)
    return without_strays(bent_body(labels, spacing_mm, variants)) if variants.bent else labels


def _painted(plan: BodyPlan, axes: Axes, spacing_mm: float, variants: Variants) -> npt.NDArray[np.uint8]:
    canvas = Canvas(axes, without=variants.absent)
    canvas.paint(mantle(plan))
    canvas.paint(muscles(plan))
    canvas.paint(chest(plan))
    canvas.paint(cavity(plan))
    canvas.paint(heart(plan))
    canvas.paint(bowel(plan))
    canvas.paint(solid_organs(plan))
    canvas.paint(pelvis(plan))
    canvas.paint(airways(plan))
    if variants.hiatal_hernia:
        canvas.paint(hiatal_hernia(plan))
    canvas.paint(vessels(plan))
    canvas.paint(head(plan))
    canvas.paint(rib_cage(plan))
    if variants.rib_pairs > 12:
        canvas.paint(lumbar_ribs(plan))
    canvas.paint(limb_bones(plan))
    canvas.paint(spine(plan))
    canvas.paint(perirenal_fat(plan))
    soft = canvas.mask("Fat", "Muscles", "Breast Left", "Breast Right", "Unknown Tissue")
    canvas.labels[skin(canvas.labels, soft, spacing_mm)] = id_of("Skin")
    return without_strays(canvas.labels)


def _grid(plan: BodyPlan, spacing_mm: float, field_of_view: str, beyond: int) -> tuple[Grid, Axes]:
    """The grid along R, A and S and, in the reference adult's mm, where its voxels are: some slices `beyond` it too."""
    low, high = _field_of_view(plan, field_of_view)
    counts = [int(np.ceil((h - b) / spacing_mm)) for b, h in zip(low, high, strict=True)]
    places = [b + spacing_mm * np.arange(n) for b, n in zip(low, counts, strict=True)]
    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    affine[:3, 3] = low
    places[2] = low[2] + spacing_mm * np.arange(-beyond, counts[2] + beyond)
    r, a, s = ((p / scale).astype(np.float32) for p, scale in zip(places, plan.scale, strict=True))
    return Grid((counts[0], counts[1], counts[2]), affine), (r, a, s)


def _field_of_view(plan: BodyPlan, name: str) -> tuple[list[float], list[float]]:
    trunk = plan.skin_trunk.sections
    arms = (186.0 if plan.arms_raised else 224.0) + 52.0 + 0.45 * plan.fat_mm
    wide = max(arms, max(cut.half_width for cut in trunk)) + _AIR_MM
    back = min(cut.back for cut in trunk) - TABLE_DEPTH_MM
    front = max(max(cut.front for cut in trunk), 128.0) + (40.0 if plan.female else 0.0) + _AIR_MM
    bottom, top = FIELDS_OF_VIEW[name]
    corners = np.array([[-wide, back, max(_LOW_S, bottom)], [wide, front, min(_HIGH_S, top)]]) * np.array(plan.scale)
    low, high = np.round(corners).tolist()
    return low, high
