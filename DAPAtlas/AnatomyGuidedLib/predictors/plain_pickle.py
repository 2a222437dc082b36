"""Pickles of strangers that may hold plain values and numpy's arrays, and nothing that does anything."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from AnatomyGuidedLib.errors import AnatomyGuidedError

_LARGEST_BYTES = 64 << 20  # plans of a large data set have a megabyte


def read_plain_pickle(path: Path) -> Any:
    """What the file holds: numbers, texts, lists, dictionaries, arrays.

    Raises:
        AnatomyGuidedError: It is missing, damaged, far too large, or names anything else.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise AnatomyGuidedError(f"{path.name} has more than {_LARGEST_BYTES >> 20} MiB, too much for plans.")
        return _Plain(io.BytesIO(path.read_bytes())).load()
    except _Forbidden as error:
        raise AnatomyGuidedError(
            f"{path.name} would run {error} when it is read; nothing was executed. Do not use this file."
        ) from error
    except (OSError, pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, KeyError) as error:
        if isinstance(error, AnatomyGuidedError):
            raise
        raise AnatomyGuidedError(f"{path.name} is missing or damaged; check the model's folder.") from error


class _Forbidden(Exception):
    """The pickle asks for something that is not on the list."""


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = _ALLOWED.get((module.replace("numpy._core", "numpy.core"), name))
        if found is None:
            raise _Forbidden(f"{module}.{name}")
        return found


def _numpys(array: Any) -> Any:
    """The function that numpy's pickles call for a value."""
    return array.__reduce__()[0]


_ALLOWED = {
    ("collections", "OrderedDict"): OrderedDict,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _numpys(np.zeros(1)),
    ("numpy.core.multiarray", "scalar"): _numpys(np.float64(0)),
    ("_codecs", "encode"): lambda text, encoding: str(text).encode(encoding) if encoding == "latin1" else b"",
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
}
