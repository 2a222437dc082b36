"""The transcript of a session: a section a command, and pictures that show mask, box and clicks where they are."""

from __future__ import annotations

import re

import numpy as np
import pytest
from LIMISLib.box import Box
from LIMISLib.prompt import Click
from LIMISLib.session import Session
from LIMISLib.session_log import LogError
from LIMISLib.slice_pictures import BACKGROUND, BEFORE, BOX, FOREGROUND, MASK, Marks, shown_part, slice_picture
from LIMISLib.transcript import line_of, transcript_page
from made_images import abdomen


def _places(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.argwhere((picture == colour).all(axis=2))


def test_the_contour_lies_on_the_masks_border_and_the_box_on_its_edges() -> None:
    mask = np.zeros((100, 100), np.bool_)
    mask[40:60, 30:70] = True
    marks = Marks(mask, box=Box(20, 30, 80, 70))
    rows, columns = shown_part(marks, (1.0, 1.0))
    assert (rows, columns) == (slice(5, 95), slice(0, 100))  # 20 px of the box's 40 rows, but 90 mm; 30 px of its 60
    scale = 360 / 90
    picture = slice_picture(np.zeros((100, 100), np.float32), marks, (1.0, 1.0))
    assert picture.shape == (360, 400, 3)
    contour, box = _places(picture, MASK), _places(picture, BOX)
    assert contour.min(axis=0).tolist() == [(40 - 5) * scale, 30 * scale]
    assert contour.max(axis=0).tolist() == [(60 - 5) * scale - 1, 70 * scale - 1]
    assert box.min(axis=0).tolist() == [(30 - 5) * scale, 20 * scale]
    assert abs(int(box.max(axis=0)[0]) - (70 - 5) * scale) <= 4  # a dash may end before the corner


def test_clicks_and_another_mask_have_their_colours_and_pixels_their_shape_in_mm() -> None:
    mask, other = np.zeros((80, 40), np.bool_), np.zeros((80, 40), np.bool_)
    mask[20:40, 10:20], other[20:60, 10:20] = True, True
    marks = Marks(mask, other, clicks=(Click(30, 15, True), Click(50, 15, False)))
    picture = slice_picture(np.zeros((80, 40), np.float32), marks, (1.0, 2.0))
    green, red = _places(picture, FOREGROUND).mean(axis=0), _places(picture, BACKGROUND).mean(axis=0)
    assert red[0] - green[0] == pytest.approx(20 * 360 / 80, abs=3)  # 20 mm of the 80 that are shown
    assert len(_places(picture, BEFORE)) > 0


def test_an_empty_mask_without_a_box_shows_the_whole_slice() -> None:
    marks = Marks(np.zeros((30, 20), np.bool_))
    assert shown_part(marks, (1.0, 1.0)) == (slice(0, 30), slice(0, 20))
    assert slice_picture(np.full((30, 20), 40, np.float32), marks, (1.0, 1.0)).mean() == pytest.approx(127, abs=1)


@pytest.fixture
def page() -> str:
    session, lines = Session(*abdomen()), []
    for sentence in (
        *("segment the liver", "no", "make it 3 px larger", "yes", "undersegmented, guide me", "yes", "yes", "yes"),
        *("foreground", "background", "skip", "show examples", "compare steps 0 and 1", "propagate", "next slice"),
    ):
        before = session.current
        count = len(session.entries)
        reply = session.say(sentence)
        if len(session.entries) > count:
            lines.append(line_of(session, reply.text, before))
    return transcript_page("A session", lines, ["A <note>."])


def test_a_page_has_a_section_a_command_with_what_was_said_and_answered(page: str) -> None:
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles[0] == "1. “segment the liver”"
    assert len(titles) == 14
    assert "(Understood: make the box 3 pixels larger.)" in page
    assert "A &lt;note&gt;." in page
    assert "<script" not in page
    by_title = dict(zip(titles, page.split("<h2>")[1:], strict=True))
    assert by_title["1. “segment the liver”"].count("<img") == 2  # the mask, and the default adaptation on offer
    assert by_title["12. “compare steps 0 and 1”"].count("<img") == 2
    assert by_title["13. “propagate”"].count("<img") == 3
    assert by_title["14. “next slice”"].count("<img") == 0
    assert "White: the point that is asked about" in page


def test_the_command_line_writes_the_page_with_or_without_a_mask(tmp_path, run_command) -> None:
    assert run_command("phantom", tmp_path / "p", "--spacing", "8")[0] == 0
    said = [word for text in ("segment the liver", "keep", "undo") for word in ("--say", text)]
    ct, anatomy = tmp_path / "p" / "ct.nii.gz", tmp_path / "p" / "anatomy.nii.gz"
    log = tmp_path / "s.jsonl"
    code, _, err = run_command("limis", ct, "--anatomy", anatomy, *said, "-o", tmp_path / "m.nii.gz", "--log", log)
    assert code == 0, err
    assert run_command("limis", "replay", log, "--html", tmp_path / "s.html")[0] == 0
    assert "Session s" in (tmp_path / "s.html").read_text(encoding="utf-8")
    assert run_command("limis", "replay", log)[0] == 2
    assert run_command("limis", "replay", log, "--html", tmp_path / "s.txt")[0] == 1
    (tmp_path / "broken.jsonl").write_text("{}")
    code, _, err = run_command("limis", "replay", tmp_path / "broken.jsonl", "--html", tmp_path / "b.html")
    assert (code, (tmp_path / "b.html").exists()) == (1, False)
    assert LogError.__name__ not in err
