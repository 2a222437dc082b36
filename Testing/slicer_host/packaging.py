"""`slicer.packaging`: says what is installed; installs nothing."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

__all__ = [
    "isPipInstallInProgress",
    "load_pyproject_dependencies",
    "load_requirements",
    "pip_check",
    "pip_ensure",
    "pip_install",
    "pip_uninstall",
]

Requirements = str | Requirement | list[str | Requirement]


class NotInstalled(RuntimeError):
    """A module wanted to change the installed packages, which the headless host never does."""


def _requirements(requirements: Requirements) -> Iterable[Requirement]:
    if isinstance(requirements, str):
        try:
            return [Requirement(requirements)]
        except InvalidRequirement:
            return [Requirement(each) for each in requirements.split()]
    if isinstance(requirements, Requirement):
        return [requirements]
    return [Requirement(str(each)) for each in requirements]


def _is_satisfied(requirement: Requirement) -> bool:
    if requirement.marker and not requirement.marker.evaluate():
        return True
    try:
        return version(requirement.name) in requirement.specifier
    except PackageNotFoundError:
        return False


def pip_check(req: Requirements) -> bool:
    """Whether all requirements are installed.

    >>> pip_check("numpy>=1 packaging"), pip_check("no-such-distribution")
    (True, False)
    """
    return all(_is_satisfied(requirement) for requirement in _requirements(req))


def pip_ensure(
    requirements: Requirements,
    constraints: str | Path | None = None,  # noqa: ARG001
    skip_packages: list[str] | None = None,  # noqa: ARG001
    prompt_install: bool = True,  # noqa: ARG001
    prompt_restart: bool = True,  # noqa: ARG001
    requester: str | None = None,
    skip_in_testing: bool = True,  # noqa: ARG001
    show_progress: bool = True,  # noqa: ARG001
) -> None:
    """Do nothing where everything is installed.

    Raises:
        NotInstalled: Something is missing. Slicer would ask the user and install it.
    """
    missing = [str(requirement) for requirement in _requirements(requirements) if not _is_satisfied(requirement)]
    if missing:
        raise NotInstalled(f"{requester or 'A module'} needs {', '.join(missing)}; the headless host installs nothing.")


def pip_install(
    requirements: Requirements,
    constraints: str | Path | None = None,  # noqa: ARG001
    no_deps_requirements: Requirements | None = None,  # noqa: ARG001
    skip_packages: list[str] | None = None,  # noqa: ARG001
    blocking: bool = True,  # noqa: ARG001
    show_progress: bool = True,  # noqa: ARG001
    requester: str | None = None,  # noqa: ARG001
    logCallback: Callable[[str], None] | None = None,  # noqa: ARG001
    completedCallback: Callable[[int], None] | None = None,  # noqa: ARG001
) -> None:
    """Refuse.

    Raises:
        NotInstalled: Always.
    """
    raise NotInstalled(f"The headless host changes no packages; wanted: install {requirements}.")


def pip_uninstall(
    requirements: Requirements,
    blocking: bool = True,  # noqa: ARG001
    logCallback: Callable[[str], None] | None = None,  # noqa: ARG001
    completedCallback: Callable[[int], None] | None = None,  # noqa: ARG001
) -> None:
    """Refuse.

    Raises:
        NotInstalled: Always.
    """
    raise NotInstalled(f"The headless host changes no packages; wanted: uninstall {requirements}.")


def load_requirements(path: str | Path) -> list[Requirement]:
    """The requirements in a requirements.txt, without pip's options."""
    lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def load_pyproject_dependencies(path: str | Path) -> list[Requirement]:
    """The project's dependencies in a pyproject.toml."""
    content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    return [Requirement(dependency) for dependency in content["project"].get("dependencies", [])]


def isPipInstallInProgress() -> bool:
    """False: nothing is ever installed here."""
    return False
