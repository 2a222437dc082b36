"""The workers of a cohort: processes of this machine, or those of a Dask scheduler that runs somewhere."""

from __future__ import annotations

import importlib
import logging
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError

_LOOPBACK = "127.0.0.1"
_CONNECT_S = 15
_DEATHS_TO_EXCUSE = 1  # of a worker with the same case; one may have been killed from outside
_KEEP_WORKING = {  # a worker holds one case and no results, so there is nothing to spill and no use in pausing
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}


def required_dask() -> Any:
    """The package `distributed`.

    Raises:
        UsageError: It is not installed.
    """
    try:
        return importlib.import_module("distributed")
    except ModuleNotFoundError as error:
        raise UsageError(
            'Cohorts need the packages dask and distributed; install them with: pip install "dask" "distributed".'
        ) from error


@contextmanager
def connected(*, workers: int, scheduler: str | None) -> Iterator[Any]:
    """A Dask client: of `workers` new processes that end with the block, or of the scheduler at an address.

    `scheduler` may also be the path of a scheduler file. Local processes listen on the loopback address alone.

    Raises:
        AnatomyGuidedError: The processes do not start, or no scheduler answers.
        UsageError: Dask is not installed, or the address is none.
    """
    distributed = required_dask()
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        if scheduler is None:
            where: dict[str, Any] = {"address": stack.enter_context(_local_cluster(distributed, workers))}
        elif Path(scheduler).is_file():
            where = {"scheduler_file": scheduler}
        else:
            _require_address(distributed, scheduler)
            where = {"address": scheduler}
        yield stack.enter_context(_client(distributed, scheduler, where))


def dask_setup(_worker: object) -> None:
    """Nothing; Dask calls it in each local worker: Ctrl-C is for the process that started them, which ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _local_cluster(distributed: Any, workers: int) -> Any:
    try:
        return distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host=_LOOPBACK,
            dashboard_address=f"{_LOOPBACK}:0",  # any free port: None would take 8787, which another run may hold
            silence_logs=logging.CRITICAL,
            scheduler_kwargs={"allowed_failures": _DEATHS_TO_EXCUSE},
            config=_KEEP_WORKING,
            preload=[__name__],
        )
    except (OSError, RuntimeError) as error:
        raise AnatomyGuidedError(
            f"{workers} worker processes could not be started on this machine ({_first_line(error)}); try fewer."
        ) from error


def _client(distributed: Any, scheduler: str | None, where: dict[str, Any]) -> Any:
    try:
        return distributed.Client(**where, timeout=_CONNECT_S, set_as_default=False)
    except OSError as error:  # no answer in time is one, too
        raise AnatomyGuidedError(
            f"No Dask scheduler answers at {_told(scheduler)}; check that it runs and that this machine reaches it."
        ) from error


def _require_address(distributed: Any, scheduler: str) -> None:
    """Nothing, if Dask knows the protocol and the address has a port; a client that finds out itself leaves threads."""
    addressing, registry = distributed.comm.addressing, distributed.comm.registry
    try:
        scheme, location = addressing.parse_address(scheduler)
        registry.get_backend(scheme)
        addressing.parse_host_port(location)
    except ValueError as error:
        raise UsageError(
            f"{scheduler!r} is no scheduler's address; expected one such as tcp://192.168.0.10:8786, "
            "or the path of a scheduler file."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask reports what we say better: a lost worker, a connection that ends. Its loggers have levels of their own."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "distributed"]
    levels = {logger: logger.level for logger in map(logging.getLogger, names)}
    for logger in levels:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


def _told(scheduler: str | None) -> str:
    return "this machine" if scheduler is None else Path(scheduler).name if Path(scheduler).is_file() else scheduler


def _first_line(error: BaseException) -> str:
    cause = error.__cause__ or error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
