"""`anatomyguided demo`: everything a new user opens is there, opens again, and says what is missing."""

from __future__ import annotations

import re

import numpy as np
import pytest
from AnatomyGuidedLib.grid import Labelmap
from AnatomyGuidedLib.io import numbered_segments, read_image, read_labelmap, write_labelmap

pytest.importorskip("slicer", reason="slicer-core is not installed, so there is no scene to open")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    from AnatomyGuidedLib.runner import run_in_process

    folder = tmp_path_factory.mktemp("demo") / "out"
    return folder, run_in_process(["demo", "-o", str(folder)])


def test_all_four_modules_leave_their_results_and_nothing_is_left_out(demo):
    folder, result = demo
    names = {
        "atlas.csv", "atlas.seg.nrrd", "lesions.csv", "lesions.seg.nrrd", "limis.seg.nrrd", "session.jsonl",
        "evaluation.csv", "evaluation.json", "report.html", "scene.mrb",
    }  # fmt: skip
    assert names <= {path.name for path in folder.iterdir()}
    assert not [sentence for sentence in result["not_done"] if "pictures" not in sentence]
    assert not list(folder.parent.glob(".*"))


def test_the_report_is_one_file_with_a_section_a_module_and_no_path_of_this_machine(demo):
    folder, result = demo
    page = (folder / "report.html").read_text(encoding="utf-8")
    for module in ("DAPAtlas", "PathologySeg", "LIMIS", "CCMetrics"):
        assert f"<h2>{module}" in page
    pictures = re.findall(r'<img alt="[^"]+" src="data:image/png;base64,[A-Za-z0-9+/=]{1000,}"', page)
    assert len(pictures) == (8 if not result["not_done"] else 1)
    assert str(folder.parent) not in page
    assert "://" not in page  # base64 has no colon, but its letters may spell anything


def test_the_scene_opens_again_with_images_segmentations_and_tables(demo):
    from AnatomyGuidedLib import mrml

    scene = mrml.new_scene()
    mrml.load_scene(scene, demo[0] / "scene.mrb")
    nodes = {
        kind: {scene.GetNthNodeByClass(n, kind).GetName() for n in range(scene.GetNumberOfNodesByClass(kind))}
        for kind in ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLTableNode")
    }
    assert nodes["vtkMRMLScalarVolumeNode"] == {"CT", "PET (SUVbw)"}
    assert nodes["vtkMRMLSegmentationNode"] == {"DAP Atlas", "Lesions", "LIMIS"}
    assert {"DAP Atlas volumes", "Lesions", "CC-Metrics"} <= nodes["vtkMRMLTableNode"]


def test_without_off_screen_opengl_it_ends_well_and_says_which_pictures_are_missing(run_command, tmp_path, monkeypatch):
    from AnatomyGuidedLib import render

    def no_opengl():
        raise render.RenderingUnavailable("No picture can be drawn: off-screen OpenGL does not work here.")

    monkeypatch.setattr(render, "require_rendering", no_opengl)
    code, _, err = run_command("demo", "-o", tmp_path / "out")
    assert code == 0
    assert "Slice and surface pictures are missing" in err
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Slice and surface pictures are missing" in page
    assert (tmp_path / "out" / "scene.mrb").exists()


def test_ones_own_images_without_organs_or_reference_say_what_is_not_evaluable(realdata, run_command, tmp_path):
    ct, pet = (realdata / f"STS_004_{kind}_image.nii.gz" for kind in ("CT", "PET"))
    code, _, err = run_command("demo", "--ct", ct, "--pet", pet, "-o", tmp_path / "out")
    assert code == 0
    assert "LIMIS: not evaluable: no organ" in err
    assert "Evaluation: not evaluable: no reference lesions were given" in err
    assert str(realdata) not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--ct", "a.nii.gz"], 2), (["--reference", "a.nii.gz"], 2), (["--ct", "a.nii", "--pet", "b.nii"], 1)],
)
def test_wrong_calls_leave_no_folder(run_command, tmp_path, words, code):
    assert run_command("demo", "-o", tmp_path / "out", *words)[0] == code
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--reference", "--experts"])
def test_an_input_in_the_output_folder_is_never_replaced(realdata, run_command, tmp_path, option):
    ct, pet, mask = (realdata / f"STS_004_{name}.nii.gz" for name in ("CT_image", "PET_image", "PET_mask"))
    folder = tmp_path / "out"
    folder.mkdir()
    own = folder / "lesions.seg.nrrd"
    if option == "--reference":
        write_labelmap(read_labelmap(mask), own, numbered_segments(1, "Tumour", (200, 0, 0)))
    else:
        write_labelmap(Labelmap(np.zeros(read_image(ct).grid.shape, np.uint8), read_image(ct).grid), own)
    before = own.read_bytes()
    value = own if option == "--reference" else f"rules,file:{own}"
    code, _, err = run_command("demo", "--ct", ct, "--pet", pet, option, value, "-o", folder)
    assert code == 1
    assert "lesions.seg.nrrd in out is an input" in err
    assert own.read_bytes() == before
    assert [path.name for path in folder.iterdir()] == [own.name]
