"""TotalSegmentator as a live expert, up to the tool's own door: a program of its name and options stands in for it."""

from __future__ import annotations

import os
import stat
import sys
import textwrap
import time

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, Cancelled
from AnatomyGuidedLib.io import read_labelmap, write_volume
from AnatomyGuidedLib.labels import id_of
from DAPAtlasLib.experts import make_expert
from made_images import cylinder_body

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the program that stands in is a script with a first line")

SEGMENTS = """
    import json, os, pathlib, sys
    import nibabel, numpy
    home = pathlib.Path(os.environ["TOTALSEG_HOME_DIR"])
    assert json.loads((home / "config.json").read_text())["send_usage_stats"] is False
    assert list(pathlib.Path(os.environ["TOTALSEG_WEIGHTS_PATH"]).glob("Dataset29*"))
    assert "--ml" in sys.argv
    image = nibabel.load(sys.argv[sys.argv.index("-i") + 1])
    hu = numpy.asarray(image.dataobj)
    labels = numpy.where(hu > 300, 5 if "--fast" in sys.argv else 1, 0).astype(numpy.uint8)
    nibabel.save(nibabel.Nifti1Image(labels, image.affine), sys.argv[sys.argv.index("-o") + 1])
"""


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """A function that puts a program called TotalSegmentator on the path; all weights are there."""
    weights = tmp_path / "weights"
    for number in (291, 292, 293, 294, 295, 297):
        (weights / f"Dataset{number}_x").mkdir(parents=True)
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(weights))

    def put(source: str):
        program = tmp_path / "bin" / "TotalSegmentator"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!{sys.executable}\n{textwrap.dedent(source)}")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
        return weights

    return put


@pytest.mark.parametrize(("name", "structure"), [("totalsegmentator", "Spleen"), ("totalsegmentator-fast", "Liver")])
def test_its_labels_arrive_under_dap_names_on_the_cts_grid(tool, name, structure):
    tool(SEGMENTS)
    ct = cylinder_body()
    opinion = make_expert(name).opinion(ct)
    assert opinion.expert == name
    assert opinion.labelmap.grid == ct.grid
    assert np.array_equal(opinion.labelmap.values == id_of(structure), ct.values > 300)
    assert {id_of("Liver"), id_of("Spleen"), id_of("Brain")} <= opinion.knows


def test_the_command_asks_it(tool, run_command, tmp_path):
    tool(SEGMENTS)
    write_volume(cylinder_body(), tmp_path / "ct.nii.gz")
    words = ("--experts", "rules,totalsegmentator", "--rules", "off", "-o", tmp_path / "a.nii.gz")
    code, out, err = run_command("atlas", tmp_path / "ct.nii.gz", *words)
    assert code == 0, err
    assert "Spleen" in out
    assert (read_labelmap(tmp_path / "a.nii.gz").values == id_of("Spleen")).sum() == (
        cylinder_body().values > 300
    ).sum()


def test_its_failure_is_told_in_its_own_last_words_without_a_folder(tool):
    tool("import sys; print('loading'); sys.exit('no memory for ' + sys.argv[sys.argv.index('-i') + 1])")
    with pytest.raises(AnatomyGuidedError, match=r"failed \(code 1\): no memory for ct\.nii\.gz$"):
        make_expert("totalsegmentator").opinion(cylinder_body())


def test_without_a_label_map_nothing_is_claimed(tool):
    tool("pass")
    with pytest.raises(AnatomyGuidedError, match="wrote no label map"):
        make_expert("totalsegmentator").opinion(cylinder_body())


def test_weights_are_never_fetched(tool):
    weights = tool(SEGMENTS)
    (weights / "Dataset293_x").rmdir()
    with pytest.raises(AnatomyGuidedError, match=r"data set 293 is missing.*totalseg_download_weights -t total once"):
        make_expert("totalsegmentator").opinion(cylinder_body())
    make_expert("totalsegmentator-fast").opinion(cylinder_body())


def test_where_it_is_not_installed_the_way_out_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AnatomyGuidedError, match=r"is not installed.*file:LABELMAP@totalsegmentator"):
        make_expert("totalsegmentator").opinion(cylinder_body())


def test_a_stop_ends_its_process(tool, tmp_path):
    marker = tmp_path / "finished"
    tool(f"import pathlib, time; time.sleep(3); pathlib.Path({str(marker)!r}).touch()")
    begin = time.monotonic()
    with pytest.raises(Cancelled):
        make_expert("totalsegmentator").opinion(cylinder_body(), lambda: time.monotonic() - begin > 0.5)
    assert time.monotonic() - begin < 2.5
    time.sleep(3)
    assert not marker.exists()
