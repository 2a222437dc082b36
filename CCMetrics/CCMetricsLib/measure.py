"""All that the metrics need to know of one class: counts of voxels, distances of surfaces, bands along them.

The prediction is walked through once, slab by slab; of it, only what lies on surfaces is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.progress import CancelCheck, Progress, stop_if

from CCMetricsLib.boundary import boundary_band, slices_needed
from CCMetricsLib.components import BoolArray, IntArray, NumberedVoxels, Spacing
from CCMetricsLib.metrics import Bands, Bodies, Need
from CCMetricsLib.partition import Partition
from CCMetricsLib.predicted_lesions import PredictedLesions
from CCMetricsLib.slabs import Slab, slabs
from CCMetricsLib.surface_distances import SurfaceDistances
from CCMetricsLib.surfaces import SurfaceElements, SurfaceKind, joined, surface_elements


@dataclass(frozen=True)
class Measuring:
    """What to measure and how; the rest of what an evaluation is asked for plays no part in it."""

    spacing_mm: Spacing
    voxel_volume_ml: float
    needs: frozenset[Need]
    surface: SurfaceKind
    tolerance_mm: float
    boundary_mm: float
    longest_mm: float

    @property
    def margin_slices(self) -> int:
        """How many slices around a slab of the prediction its surfaces and bands depend on."""
        return slices_needed(self.spacing_mm, self.boundary_mm) if "bands" in self.needs else 1


def measured(
    partition: Partition,
    prediction: npt.NDArray[Any],
    lesions: Callable[[], PredictedLesions],
    how: Measuring,
    *,
    progress: Progress,
    cancelled: CancelCheck,
) -> tuple[Bodies, Bodies]:
    """What is known of the class as a whole, one body, and of each lesion in its region."""
    components = partition.components
    found = lesions() if "surfaces" in how.needs else None
    regions = _Tally(components, components.count, how)
    whole = _Tally(components.as_one(), 1, how) if components.count != 1 else regions
    for slab in _walk(partition, prediction, how, progress):
        stop_if(cancelled)
        stray = found.are_stray(slab.voxels.voxels_ijk) if found else None
        if whole is not regions:
            whole.add(Slab(slab.voxels.as_one(), slab.start_k, slab.stop_k), stray)
        if components.count:
            regions.add(slab, stray)
    progress(0.6, "Measuring the distances of the surfaces")
    stop_if(cancelled)
    of_whole = whole.bodies()
    stop_if(cancelled)
    return of_whole, (of_whole if whole is regions else regions.bodies(of_whole))


def _walk(partition: Partition, prediction: npt.NDArray[Any], how: Measuring, progress: Progress) -> Iterator[Slab]:
    for slab in slabs(prediction, partition.region_of, margin_slices=how.margin_slices):
        progress(0.5 * slab.start_k / prediction.shape[2], "Assigning the prediction to lesions")
        yield slab


@dataclass(eq=False)
class _Tally:
    """What is counted and kept while the slabs of a prediction pass by."""

    reference: NumberedVoxels
    count: int
    how: Measuring
    surfaces: list[SurfaceElements] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.predicted, self.shared = self._zeros(), self._zeros()
        self.predicted_band, self.shared_band = self._zeros(), self._zeros()
        self.reference_band = self._band(self.reference)

    def add(self, slab: Slab, stray: BoolArray | None) -> None:
        """Nothing; the slab is counted."""
        own, voxels = slab.own, slab.voxels
        position, found = self.reference.positions(voxels.voxels_ijk)
        self.predicted += self._counts(voxels.numbers[own])
        self.shared += self._counts(voxels.numbers[own & found])
        if "surfaces" in self.how.needs:
            elements = surface_elements(voxels, self.how.spacing_mm, self.how.surface, stray=stray)
            self.surfaces.append(elements.where(slab.holds(elements.places_ijk)))
        if self.reference_band is not None:
            band = own & self._known_band(voxels)
            self.predicted_band += self._counts(voxels.numbers[band])
            shared = found & band
            self.shared_band += self._counts(voxels.numbers[shared][self.reference_band[position[shared]]])

    def bodies(self, whole: Bodies | None = None) -> Bodies:
        """All that was counted, and the distances between the surfaces; what the whole's tell is not searched again."""
        return Bodies(
            self._counts(self.reference.numbers)[1:],
            self.predicted[1:],
            self.shared[1:],
            self.how.voxel_volume_ml,
            self.how.tolerance_mm,
            self._distances(whole.distances if whole else None) if "surfaces" in self.how.needs else None,
            self._bands(),
        )

    def _distances(self, whole: SurfaceDistances | None) -> SurfaceDistances:
        return SurfaceDistances.between(
            surface_elements(self.reference, self.how.spacing_mm, self.how.surface),
            joined(self.surfaces),
            shape=self.reference.shape,
            spacing=self.how.spacing_mm,
            count=self.count,
            kind=self.how.surface,
            longest_mm=self.how.longest_mm,
            whole=whole,
        )

    def _bands(self) -> Bands | None:
        if self.reference_band is None:
            return None
        reference = self._counts(self.reference.numbers[self.reference_band])
        return Bands(reference[1:], self.predicted_band[1:], self.shared_band[1:])

    def _band(self, voxels: NumberedVoxels) -> BoolArray | None:
        return self._known_band(voxels) if "bands" in self.how.needs else None

    def _known_band(self, voxels: NumberedVoxels) -> BoolArray:
        return boundary_band(voxels, self.how.spacing_mm, self.how.boundary_mm)

    def _counts(self, numbers: IntArray) -> IntArray:
        return np.bincount(numbers, minlength=self.count + 1)

    def _zeros(self) -> IntArray:
        return np.zeros(self.count + 1, np.int64)
