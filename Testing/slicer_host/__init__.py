"""Headless host: loads Slicer module files on real MRML, without Slicer's Qt application.

from slicer_host import start, load_module

host = start()                    # slicer.mrmlScene, slicer.app, qt, ctk, ... are there now
atlas = load_module("DAPAtlas")   # runs DAPAtlas/DAPAtlas.py
atlas.widget().ui.applyButton.click()
host.check()                      # raises what VTK, slots and observers complained about
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .faults import HostFault
    from .host import Host, start
    from .loading import BadModule, LoadedModule, load_module

__all__ = ["BadModule", "Host", "HostFault", "LoadedModule", "load_module", "start"]

_PLACES = {
    "BadModule": "loading",
    "Host": "host",
    "HostFault": "faults",
    "LoadedModule": "loading",
    "load_module": "loading",
    "start": "host",
}


def __getattr__(name: str) -> object:
    """Import on first use: pytest reads the fixtures in this package where the slicer-core wheel may be missing."""
    if name not in _PLACES:
        raise AttributeError(f"slicer_host has no {name!r}.")
    return getattr(import_module(f".{_PLACES[name]}", __name__), name)
