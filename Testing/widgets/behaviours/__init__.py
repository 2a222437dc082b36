"""What the stand-ins of Slicer's and CTK's classes do, where a module file depends on it."""

from __future__ import annotations

from . import buttons, modules, node_combo_box, numbers, paths, scenes, segments, tables

BEHAVIOURS: dict[str, type] = {
    **buttons.BEHAVIOURS,
    **modules.BEHAVIOURS,
    **node_combo_box.BEHAVIOURS,
    **numbers.BEHAVIOURS,
    **paths.BEHAVIOURS,
    **scenes.BEHAVIOURS,
    **segments.BEHAVIOURS,
    **tables.BEHAVIOURS,
}
