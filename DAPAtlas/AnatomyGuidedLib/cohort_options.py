"""The options of commands that run cohorts: where the cases run, and whether finished ones are kept."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from AnatomyGuidedLib.errors import UsageError

RUNNING = ("workers", "scheduler", "resume")


def add_running_arguments(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Nothing; the parser knows the options of RUNNING."""
    parser.add_argument("--workers", type=int, metavar="N", help="processes on this machine (default: one a core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="address or scheduler file of a running Dask scheduler")
    parser.add_argument(
        "--resume", action="store_true", help="keep finished cases whose inputs and options are the same"
    )


def refuse_given(arguments: argparse.Namespace, names: Sequence[str], why: str, places: Sequence[str] = ()) -> None:
    """Nothing, if none of these arguments was given; `places` are those that are named by where they stand.

    Raises:
        UsageError: One was; the message says why not.
    """
    for name in names:
        if getattr(arguments, name, None) not in (None, False):
            raise UsageError(f"{name.upper() if name in places else '--' + name.replace('_', '-')} {why}.")
