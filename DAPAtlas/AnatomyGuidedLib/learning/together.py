"""Training in several processes, as `torchrun` starts them: who this one is, and gradients that are averaged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

_PATIENCE = timedelta(days=7)  # a data set may take that long to prepare


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
def connected(share: Share, device: str, *, patience: timedelta | None = None) -> Iterator[None]:
    """All processes know each other within (gloo between processors, NCCL between graphics cards)."""
    if share.size == 1 or distributed.is_initialized():
        yield
        return
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=patience)
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
    """The first process does what is within before the others do, who find what it made.

    Where the first one fails the others end, too.
    """
    if share.size == 1:
        yield
        return
    with connected(share, "cpu", patience=_PATIENCE):
        if not share.is_first:
            distributed.barrier()
        yield
        if share.is_first:
            distributed.barrier()


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
