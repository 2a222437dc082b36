"""pytest fixtures for tests that need the headless host."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def host() -> Iterator[object]:
    """The running host with an empty scene. Errors of VTK, slots and observers fail the test."""
    pytest.importorskip("slicer_core", reason="the slicer-core wheel is not installed")
    pytest.importorskip("PySide6", reason="PySide6 is not installed")
    from .host import start

    running = start()
    running.clear()
    yield running
    try:
        running.check()
    finally:
        running.clear()


@pytest.fixture
def qt(host: object) -> object:  # noqa: ARG001
    """The module `qt` as module files import it."""
    return sys.modules["qt"]


@pytest.fixture
def ctk(host: object) -> object:  # noqa: ARG001
    """The module `ctk` as module files import it."""
    return sys.modules["ctk"]
