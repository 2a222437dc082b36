"""groundingdino-py's worker: the lines that are said, and what happens when it fails."""

from __future__ import annotations

import importlib.util
import json
import os
import stat
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError
from AnatomyGuidedLib.grid import Grid, Volume
from LIMISLib.finding.groundingdino_worker import _found
from LIMISLib.finding.organs import ORGANS
from LIMISLib.finding.worker_finder import _SCRIPT, Worker, WorkerDetector, WorkerFinder
from LIMISLib.finding.worker_protocol import WorkerFailed, boxes, ready, request

unix_only = pytest.mark.skipif(os.name == "nt", reason="the made-up interpreter is a script with a #! line")

# In place of an interpreter with the package: it answers with the box of the pixels above 200, for "liver" alone.
ANSWERS = """
    print(json.dumps({"ready": "made up"}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        rows, columns = asked["shape"]
        pixels = base64.b64decode(asked["pixels"])
        bright = [(n // columns, n % columns) for n, value in enumerate(pixels) if value > 200]
        box, chance = [0, 0, 0, 0], 0.0
        if bright:
            low = [min(place[axis] for place in bright) for axis in (0, 1)]
            high = [max(place[axis] for place in bright) + 1 for axis in (0, 1)]
            box, chance = [low[1] / columns, low[0] / rows, high[1] / columns, high[0] / rows], 0.8
        found = [label == "liver" for label in asked["labels"]]
        answer = {"boxes": [box if is_it else [0, 0, 0, 0] for is_it in found],
                  "chances": [chance if is_it else 0.0 for is_it in found]}
        print(json.dumps(answer), flush=True)
"""
ENDS = 'print(json.dumps({"ready": "made up"}), flush=True)'
FAILS = 'print(json.dumps({"error": "No module named groundingdino"}), flush=True)'
BABBLES = 'print("Loading weights ...", flush=True)'
SLEEPS = "time.sleep(60)"


@pytest.fixture
def interpreter(tmp_path):
    def make(body):
        path = tmp_path / "python"
        head = f"#!{sys.executable}\nimport base64, json, sys, time\n"
        path.write_text(head + textwrap.dedent(body))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return make


@pytest.fixture
def image():
    hu = np.full((60, 50, 9), -1000.0, np.float32)
    hu[5:55, 5:45] = 0.0
    hu[30:50, 10:30, 3:6] = 240.0
    return Volume(hu, Grid(hu.shape, np.diag([3.0, 3.0, 10.0, 1.0])), "HU")


@unix_only
def test_a_worker_is_told_slices_and_its_boxes_come_back_in_pixels(interpreter, image, tmp_path):
    finder = WorkerFinder(image, python=interpreter(ANSWERS), folder=tmp_path)
    found = finder.find("Liver")
    assert 4 <= found.slice_number <= 6
    assert (found.box.left, found.box.top, found.box.right, found.box.bottom) == pytest.approx((10, 20, 30, 40), abs=1)
    assert found.confidence == 0.8
    assert found.finder.startswith("groundingdino-py")
    with pytest.raises(AnatomyGuidedError, match="finds no Spleen in any slice"):
        finder.find("Spleen")


@unix_only
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (ENDS, "has ended; start a new session"),
        (FAILS, "The finder's worker failed: No module named groundingdino"),
        (BABBLES, "said what is no answer: 'Loading weights ...'"),
    ],
)
def test_a_worker_that_fails_says_why(interpreter, tmp_path, body, words):
    detector = WorkerDetector(interpreter(body), tmp_path)
    with pytest.raises(WorkerFailed, match=words):
        detector.detect(np.zeros((1, 3, *detector.frame.shape), np.float32))


@unix_only
def test_the_other_interpreter_does_not_get_our_packages(interpreter, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("PYTHONHOME", sys.prefix)
    worker = Worker([interpreter("import os\nprint(sorted(n for n in os.environ if n.startswith('PYTHON')))")])
    assert "PYTHONPATH" not in (said := worker.hear(20.0))
    assert "PYTHONHOME" not in said


@unix_only
def test_a_silent_worker_is_ended(interpreter):
    worker = Worker([interpreter(SLEEPS)])
    with pytest.raises(WorkerFailed, match=r"said nothing for 0\.2 s and was ended"):
        worker.hear(0.2)
    assert worker._process.poll() is not None


@unix_only
def test_the_process_ends_with_its_worker(interpreter):
    worker = Worker([interpreter(SLEEPS)])
    process = worker._process
    assert process.poll() is None
    del worker
    assert process.wait(5) is not None


def test_an_interpreter_or_a_folder_that_is_not_there_is_said(image, tmp_path):
    with pytest.raises(AnatomyGuidedError, match="There is no folder nowhere"):
        WorkerFinder(image, python=sys.executable, folder=tmp_path / "nowhere")
    with pytest.raises(WorkerFailed, match="nothing-here cannot be started"):
        WorkerFinder(image, python=str(tmp_path / "nothing-here"), folder=tmp_path).find("Liver")


def test_the_worker_in_an_environment_without_the_package_reports_that(tmp_path):
    """The real script in this environment, which has no groundingdino-py."""
    if importlib.util.find_spec("groundingdino"):
        pytest.skip("groundingdino-py is installed here")
    done = subprocess.run(
        [sys.executable, str(_SCRIPT), str(tmp_path)], input="", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    with pytest.raises(WorkerFailed, match="groundingdino-py cannot be used here"):
        ready(done.stdout)


def test_the_worker_asks_the_model_once_and_takes_the_surest_query_of_each_label():
    """A stand-in for the package's model, with its signature: two labels, tokens [CLS] a . b c . [SEP], two queries."""
    torch = pytest.importorskip("torch", reason="torch is not installed")

    class Model:
        def tokenizer(self, caption):
            assert caption == "a . b c ."
            return {"input_ids": [101, 7, 1012, 8, 9, 1012, 102]}

        def __call__(self, images, captions):
            assert captions == ["a . b c ."]
            assert images.shape == (1, 3, 2, 3)
            assert images[0, :, 0, 0].tolist() == pytest.approx([(0.2 - 0.485) / 0.229, (0.2 - 0.456) / 0.224,
                                                                 (0.2 - 0.406) / 0.225])  # fmt: skip
            logits = torch.tensor([[[-9.0, -2, -9, 3, 1, -9, -9], [-9, 2, -9, 4, -4, -9, -9]]])
            return {"pred_logits": logits, "pred_boxes": torch.tensor([[[0.5, 0.5, 0.2, 0.4], [0.25, 0.5, 0.5, 1.0]]])}

    asked = json.loads(request(np.full((2, 3), 51, np.uint8), ["a", "b c"]))
    answer = json.dumps(_found(asked, torch, Model()))
    chances, edges = boxes(answer, 2)
    sigmoid = 1 / (1 + np.exp(-np.array([2.0, 3.0, 1.0])))
    np.testing.assert_allclose(chances, [sigmoid[0], (sigmoid[1] + sigmoid[2]) / 2], rtol=1e-6)
    np.testing.assert_allclose(edges, [[0, 0, 0.5, 1], [0.4, 0.3, 0.6, 0.7]], atol=1e-6)


def test_groundingdino_py_itself_finds_boxes():
    python, folder = (os.environ.get(f"ANATOMYGUIDED_GROUNDINGDINO_{name}") for name in ("PYTHON", "FOLDER"))
    if not python or not folder:
        pytest.skip("no environment with groundingdino-py; name it with ANATOMYGUIDED_GROUNDINGDINO_PYTHON and _FOLDER")
    from pathlib import Path

    detector = WorkerDetector(python, Path(folder))
    chances, edges = detector.detect(np.zeros((1, 3, *detector.frame.shape), np.float32))
    assert chances.shape == (1, len(ORGANS))
    assert edges.shape == (1, len(ORGANS), 4)


def test_answers_about_other_than_what_was_asked_are_refused():
    for line in ('{"boxes": [], "chances": []}', '{"boxes": [[0, 0, 1]], "chances": [1]}', '{"chances": [1]}', "[1]",
                 '{"boxes": [[0, 0, NaN, 1]], "chances": [1]}'):  # fmt: skip
        with pytest.raises(WorkerFailed):
            boxes(line, 1)
    with pytest.raises(WorkerFailed, match="did not say that it is ready"):
        ready('{"boxes": []}')
