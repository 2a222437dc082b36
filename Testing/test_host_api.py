"""The stand-ins offer no name and no argument that Slicer's Python modules and Qt classes lack."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from types import ModuleType

import pytest

pytest.importorskip("slicer_core", reason="the slicer-core wheel is not installed")
pytest.importorskip("PySide6", reason="PySide6 is not installed")

import slicer
from slicer_host import Host
from slicer_host.application import Application, LayoutManager
from slicer_host.core_modules import ModuleFactoryManager, ModuleManager
from slicer_host.packaging import NotInstalled
from widgets.access import Kind
from widgets.behaviours import BEHAVIOURS
from widgets.declared import API_FOLDER, declarations
from widgets.errors import UnknownClass
from widgets.factory import _check_declared, widget_class

API = json.loads((API_FOLDER / "python-api.json").read_text(encoding="utf-8"))
MODULES = ["slicer.ScriptedLoadableModule", "slicer.i18n", "slicer.packaging", "slicer.parameterNodeWrapper"]


def declared(module_name: str) -> dict[str, object]:
    """Functions (name to arguments) and classes (name to entry) of a module and its submodules."""
    found: dict[str, object] = {}
    for name, entry in API.items():
        if name == module_name or name.startswith(f"{module_name}."):
            found |= entry["functions"] | entry["classes"]
    return found


def public(owner: object) -> Iterator[tuple[str, object]]:
    return ((name, member) for name, member in list(vars(owner).items()) if not name.startswith("_"))


def arguments(function: object) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [f"{p.name}=" if p.default is not p.empty else str(p).split(":")[0] for p in parameters]


def declared_arguments(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


@pytest.mark.parametrize("module_name", MODULES)
def test_every_name_of_a_stand_in_module_is_one_of_slicers(host: Host, module_name: str) -> None:  # noqa: ARG001
    module: ModuleType = getattr(slicer, module_name.removeprefix("slicer."))
    names = {name for name, _ in public(module)}
    assert names
    assert names - declared(module_name).keys() == set()
    assert set(module.__all__) == names


@pytest.mark.parametrize("module_name", MODULES)
def test_functions_and_methods_take_slicers_arguments(host: Host, module_name: str) -> None:  # noqa: ARG001
    known = declared(module_name)
    module = getattr(slicer, module_name.removeprefix("slicer."))
    for name, member in public(module):
        if isinstance(known[name], str):
            own = [a for a in declared_arguments(known[name]) if not a.startswith("_")]
            assert arguments(member) == own, name
        else:
            check_methods(member, known[name]["methods"])


def check_methods(owner: type, methods: dict[str, str]) -> None:
    functions = {name: member for name, member in public(owner) if inspect.isfunction(member)}
    assert functions.keys() - methods.keys() == set(), owner
    for name, member in functions.items():
        assert arguments(member) == declared_arguments(methods[name]), f"{owner.__name__}.{name}"


@pytest.mark.parametrize("owner", [Application, LayoutManager, ModuleManager, ModuleFactoryManager])
def test_the_application_objects_offer_only_declared_names(owner: type) -> None:
    for name, _ in public(owner):
        if name != "DEFAULTS":
            assert owner.kind(name) is not Kind.UNKNOWN or name in ("connect", "disconnect"), name
    for name in vars(owner).get("DEFAULTS", {}):
        assert owner.kind(name) is Kind.DECLARED_PROPERTY, name


def test_every_behaviour_belongs_to_a_declared_class_and_can_be_made(host: Host) -> None:  # noqa: ARG001
    assert BEHAVIOURS.keys() <= declarations().keys()
    for name in BEHAVIOURS:
        assert widget_class(name).__name__ == name


def test_a_behaviour_with_an_undeclared_name_is_refused() -> None:
    class Inventive:
        DEFAULTS = {"colour": "red"}  # noqa: RUF012

        def paintRed(self) -> None:
            """Not CTK's."""

    with pytest.raises(UnknownClass, match=r"\['colour', 'paintRed'\]"):
        _check_declared(declarations()["ctkPathLineEdit"], widget_class("QWidget"), Inventive)


def test_every_function_of_slicer_util_in_the_list_is_the_wheels_own(host: Host) -> None:  # noqa: ARG001
    for name in API["slicer.util"]["functions"]:
        assert inspect.getmodule(getattr(slicer.util, name)) is slicer.util


def test_nothing_is_installed_and_what_is_missing_is_said(host: Host) -> None:  # noqa: ARG001
    slicer.packaging.pip_ensure("numpy>=1", requester="Atlas")
    slicer.packaging.pip_ensure(["no-such-distribution; python_version < '3'"])
    assert not slicer.packaging.isPipInstallInProgress()
    with pytest.raises(NotInstalled, match="Atlas needs no-such-distribution"):
        slicer.packaging.pip_ensure(["numpy", "no-such-distribution"], requester="Atlas")
    for act in (slicer.util.pip_install, slicer.util.pip_uninstall):
        with pytest.raises(NotInstalled, match="changes no packages"):
            act("numpy")


def test_requirements_are_read_from_files(host: Host, tmp_path: object) -> None:  # noqa: ARG001
    listed = tmp_path / "requirements.txt"
    listed.write_text("# all\nnumpy>=1\n-r other.txt\n\nscipy\n", encoding="utf-8")
    assert [r.name for r in slicer.packaging.load_requirements(listed)] == ["numpy", "scipy"]
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nname = "x"\ndependencies = ["nibabel>=5"]\n', encoding="utf-8")
    assert [str(r) for r in slicer.packaging.load_pyproject_dependencies(project)] == ["nibabel>=5"]


def test_texts_pass_through_translation_unchanged(host: Host) -> None:  # noqa: ARG001
    assert slicer.i18n.tr("Apply {count}") == "Apply {count}"
    assert slicer.i18n.translate("DAPAtlas", "Apply") == "Apply"
    with pytest.raises(TypeError, match="takes a text"):
        slicer.i18n.tr(None)
