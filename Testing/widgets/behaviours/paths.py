"""CTK's widgets for files and folders."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class PathLineEdit:
    """A line for a path, with a history and a browse button (which raises: it would show a dialog)."""

    # What `filters` takes: QDir's filters under CTK's names.
    ENUMS: ClassVar[dict[str, int]] = {
        "Dirs": 0x001,
        "Files": 0x002,
        "Readable": 0x010,
        "Writable": 0x020,
        "Executable": 0x040,
        "Hidden": 0x100,
    }
    DEFAULTS: ClassVar[dict[str, object]] = {
        "currentPath": "",
        "filters": 0x003,
        "label": "",
        "minimumContentsLength": 0,
        "nameFilters": [],
        "settingKey": "",
        "showBrowseButton": True,
        "showHistoryButton": True,
    }

    def _set_currentPath(self, path: str) -> None:
        before = _exists(self.currentPath)
        self._store("currentPath", path)
        if _exists(path) != before:
            self._emit("validInputChanged", _exists(path))

    def addCurrentPathToHistory(self) -> None:
        """Slicer keeps the history in the user's settings; nothing is kept here."""

    def retrieveHistory(self) -> None:
        """Slicer reads the history from the user's settings; there is none here."""


def _exists(path: str) -> bool:
    return bool(path) and Path(path).exists()


class DirectoryButton:
    """A button that shows a folder."""

    DEFAULTS: ClassVar[dict[str, object]] = {"caption": "", "directory": ".", "text": ""}


BEHAVIOURS: dict[str, type] = {"ctkDirectoryButton": DirectoryButton, "ctkPathLineEdit": PathLineEdit}
