"""The acoustic model of pocketsphinx's wheel as arrays: per phone 128 Gaussians for each of three kinds of feature."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from AnatomyGuidedLib.errors import AnatomyGuidedError

Floats = npt.NDArray[np.float64]

_MEANS, _VARIANCES, _PHONES = "means", "variances", "mdef"
_END_OF_HEADER = b"endhdr\n"
_HEADER = b"s3\nversion 1.0\n      " + _END_OF_HEADER
_BYTE_ORDER = 0x11223344
_LEAST_VARIANCE = 1e-4  # what the decoder takes for smaller ones, too


@dataclass(frozen=True)
class AcousticModel:
    """Names of phones, and means and variances of shape (phones, kinds, Gaussians, dimensions).

    The kinds of feature are cepstra, their changes, and the changes of those. `sha256` is of the file of means.
    """

    phones: tuple[str, ...]
    means: Floats
    variances: Floats
    sha256: str

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The model in a folder.

        Raises:
            AnatomyGuidedError: It is not a model of one set of Gaussians a phone.
        """
        means = (folder / _MEANS).read_bytes()
        found = cls(
            _phones((folder / _PHONES).read_bytes()),
            _gaussians(means),
            np.maximum(_gaussians((folder / _VARIANCES).read_bytes()), _LEAST_VARIANCE),
            hashlib.sha256(means).hexdigest(),
        )
        if len(found.phones) != len(found.means):
            raise AnatomyGuidedError("The recogniser's acoustic model is of another kind, so no voice can be learned.")
        return found


def write_means(means: Floats, path: Path) -> None:
    """Nothing; the file has the means in the form that the decoder reads."""
    phones, kinds, gaussians, dimensions = means.shape
    shape = struct.pack(f"<{4 + kinds}I", _BYTE_ORDER, phones, kinds, gaussians, *[dimensions] * kinds)
    path.write_bytes(_HEADER + shape + struct.pack("<I", means.size) + means.astype("<f4").tobytes())


def _gaussians(content: bytes) -> Floats:
    start = content.index(_END_OF_HEADER) + len(_END_OF_HEADER)
    _, phones, kinds, gaussians = struct.unpack_from("<4I", content, start)
    *dimensions, size = struct.unpack_from(f"<{kinds + 1}I", content, start + 16)
    values = np.frombuffer(content, "<f4", size, start + 20 + 4 * kinds)
    return values.reshape(phones, kinds, gaussians, dimensions[0]).astype(np.float64)


def _phones(content: bytes) -> tuple[str, ...]:
    """The names: behind a description, whose length is the third number, and ten counts, the first of them theirs."""
    (length,) = struct.unpack_from("<I", content, 8)
    (count,) = struct.unpack_from("<I", content, 12 + length)
    names = content[12 + length + 40 :].split(b"\0", count)
    return tuple(name.decode("ascii") for name in names[:count])
