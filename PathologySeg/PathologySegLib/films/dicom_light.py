"""How light each pixel of a DICOM film is shown: its window or look-up table, and whether high values are dark."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Header = Any

LIGHT_TAGS = ("PhotometricInterpretation", "BitsStored", "PixelRepresentation", "RescaleSlope", "RescaleIntercept",
              "ModalityLUTSequence", "VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
              "PixelPaddingValue")  # fmt: skip


def dicom_lightness(values: npt.NDArray[Any], header: Header) -> npt.NDArray[np.float32]:
    """Values as SimpleITK reads them, from 0 (dark) to 1: by the first look-up table or window, else by their range.

    Padding is dark and does not count for the range.
    """
    dark_is_high = str(header.get("PhotometricInterpretation")) == "MONOCHROME1"
    stored = _stored(values, header, turned=dark_is_high)
    padding = header.get("PixelPaddingValue")
    is_image = np.ones(stored.shape, np.bool_) if padding is None else stored != float(padding)
    shown = _windowed(_by_modality(stored, header), header, is_image)
    return np.asarray(np.where(is_image, 1.0 - shown if dark_is_high else shown, 0.0), np.float32)


def windowed(values: Floats, center: float, width: float, function: str = "LINEAR") -> Floats:
    """From 0 to 1 as DICOM has it (PS3.3, C.11.2.1.2 and .3): 0 and 1 outside the window.

    >>> windowed(np.array([9.0, 10.0, 12.5, 15.0]), 13.0, 6.0).tolist()
    [0.0, 0.0, 0.5, 1.0]
    """
    if function == "SIGMOID":
        return np.asarray(1.0 / (1.0 + np.exp(-4.0 * (values - center) / width)))
    if function == "LINEAR":
        center, width = center - 0.5, width - 1.0
    if width <= 0.0:
        return np.asarray(values > center, np.float64)
    return np.asarray(np.clip((values - center) / width + 0.5, 0.0, 1.0))


def _stored(values: npt.NDArray[Any], header: Header, *, turned: bool) -> Floats:
    """What the file holds: SimpleITK has applied the rescaling, and before it turned round where high is dark."""
    slope, intercept = _rescaling(header)
    found = (values.astype(np.float64) - intercept) / slope
    return np.rint(2.0 ** int(header.BitsStored) - 1 - found if turned else found)


def _rescaling(header: Header) -> tuple[float, float]:
    return float(header.get("RescaleSlope") or 1), float(header.get("RescaleIntercept") or 0)


def _by_modality(stored: Floats, header: Header) -> Floats:
    from pydicom.pixels import apply_modality_lut

    if header.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(stored.astype(np.int64), header), np.float64)
    slope, intercept = _rescaling(header)
    return stored * slope + intercept


def _windowed(values: Floats, header: Header, is_image: npt.NDArray[np.bool_]) -> Floats:
    from pydicom.pixels import apply_voi

    if header.get("VOILUTSequence"):
        bits = int(header.VOILUTSequence[0].LUTDescriptor[2])
        return np.asarray(apply_voi(values.astype(np.int64), header) / (2.0**bits - 1))
    center, width = (_first(header.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if center is not None and width is not None and width > 0:
        return windowed(values, center, width, str(header.get("VOILUTFunction") or "LINEAR"))
    inside = values[is_image] if is_image.any() else values
    low, high = float(inside.min()), float(inside.max())
    return np.asarray(np.clip((values - low) / max(high - low, 1e-12), 0.0, 1.0))


def _first(value: object) -> float | None:
    """The first of one or several numbers; none where there is none."""
    found = np.atleast_1d(np.asarray([] if value is None or value == "" else value, dtype=np.float64))
    return float(found[0]) if found.size else None
