"""What every study leaves: `study.json`, which begins with the same entries."""

from __future__ import annotations

from pathlib import Path

from AnatomyGuidedLib import __version__
from AnatomyGuidedLib.files import write_json

FORMAT, VERSION, RESULT = "anatomyguided-study", 1, "study.json"


def write_study(folder: Path, study: str, /, **found: object) -> dict[str, object]:
    """The study's result, which `study.json` in the folder holds too: format, version, name, then what was found.

    >>> import tempfile
    >>> result = write_study(Path(tempfile.mkdtemp()), "cc-spheres", tier="ci", findings={"dice": 0.5})
    >>> [*result]
    ['format', 'version', 'software_version', 'study', 'tier', 'findings']
    """
    result = {"format": FORMAT, "version": VERSION, "software_version": __version__, "study": study, **found}
    write_json(folder / RESULT, result)
    return result
