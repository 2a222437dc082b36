"""Training in several processes, as `torchrun` starts them: who this one is, and gradients that are averaged."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

_DONE, _PAUSE_S = "done", 0.2
_MEETINGS = itertools.count()


@dataclass(frozen=True)
class Share:
    """Which of how many processes this is; the first one alone writes files and speaks."""

    rank: int = 0
    size: int = 1
    place: int = 0  # among the processes of this machine

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def device(self, device: str) -> str:
        """The process's own graphics card where they are used."""
        return f"cuda:{self.place}" if device == "cuda" and self.size > 1 else device

    def wrapped(self, network: nn.Module) -> nn.Module:
        """The network, whose gradients become the mean of all processes'; parts of one with `rests` may have none."""
        if self.size == 1:
            return network
        return DistributedDataParallel(network, find_unused_parameters=bool(getattr(network, "rests", False)))


def own_share() -> Share:
    """This process's share, as torchrun's environment tells it; alone without torchrun."""
    rank, size, place = (
        int(os.environ.get(name, default))
        for name, default in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))
    )
    return Share(rank, size, place)


@contextmanager
def connected(share: Share, device: str) -> Iterator[None]:
    """All processes know each other within (gloo between processors, NCCL between graphics cards)."""
    if share.size == 1 or distributed.is_initialized():
        yield
        return
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    backend = "nccl" if device.startswith("cuda") else "gloo"
    distributed.init_process_group(backend, store=_meeting(), rank=share.rank, world_size=share.size)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def mean_of_all(values: Tensor) -> Tensor:
    """The mean of all processes' values; the values themselves where there is one process."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return values
    total = values.clone()
    distributed.all_reduce(total)
    return total / distributed.get_world_size()


@contextmanager
def first_goes_ahead(share: Share) -> Iterator[None]:
    """The first process does what is within before the others do, who find what it made, however long it takes.

    Where the first one fails, torchrun ends the others, too.
    """
    if share.size == 1:
        yield
        return
    meeting = _meeting()
    while not share.is_first and not meeting.check([_DONE]):
        time.sleep(_PAUSE_S)
    yield
    if share.is_first:
        meeting.set(_DONE, "1")


@contextmanager
def repeatable(asked: bool) -> Iterator[None]:
    """Within, torch takes algorithms that give the same numbers each time, and warns where it has none.

    On graphics cards it has none for some that learning needs (the way back through adaptive pooling and trilinear
    enlargement), so that it must not refuse them.
    """
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.benchmark,
    )
    if asked:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.backends.cudnn.benchmark = before[2]


def _meeting() -> Any:
    """A store where the processes tell each other something, each time another one: what is left in one misleads."""
    from torch.distributed.distributed_c10d import PrefixStore

    return PrefixStore(f"meeting {next(_MEETINGS)}", _store())


@cache
def _store() -> Any:
    """The one that all share: torchrun's, or without it the first process's, which lives as long as that does."""
    from torch.distributed.rendezvous import rendezvous

    store, _, _ = next(rendezvous("env://"))
    return store
