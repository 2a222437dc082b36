"""What the command line takes as the name of a file to write."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from AnatomyGuidedLib.files import full_suffix


def output_file(*endings: str) -> Callable[[str], Path]:
    """What makes a path of an option's word, for argparse; without `endings` any will do.

    >>> output_file(".csv")("tables/lesions.csv").name
    'lesions.csv'

    Raises:
        argparse.ArgumentTypeError: By what is returned: the word names a folder, or ends otherwise.
    """

    def path_of(word: str) -> Path:
        path = Path(word)
        if word.endswith(tuple(filter(None, ("/", os.sep, os.altsep)))):
            raise argparse.ArgumentTypeError(f"{path.name} is a folder's name, but a file's was expected")
        if endings and full_suffix(path) not in endings:
            raise argparse.ArgumentTypeError(f"{path.name} must end in {' or '.join(endings)}")
        return path

    return path_of
