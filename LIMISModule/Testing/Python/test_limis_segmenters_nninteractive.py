"""nnInteractive's client against a server of ours that speaks its protocol and really segments."""

from __future__ import annotations

import socket
from dataclasses import replace

import numpy as np
import pytest
from AnatomyGuidedLib.errors import AnatomyGuidedError, UsageError
from AnatomyGuidedLib.grid import Grid, Labelmap, Volume
from AnatomyGuidedLib.labels import id_of
from LIMISLib.box import Box
from LIMISLib.planes import AXIAL, SAGITTAL, SliceView
from LIMISLib.prompt import Click, Prompt, Window
from LIMISLib.prompt_segmenter import SeededGrowth
from LIMISLib.segmenters.nninteractive import NNInteractive
from LIMISLib.segmenters.nninteractive_client import own_machine_or_allowed
from LIMISLib.session import Session
from nninteractive_server import served

_MM = (1.0, 1.0)


@pytest.fixture
def server():
    with served() as (address, desk):
        yield NNInteractive.at(address, timeout_s=5.0), desk


def _disc() -> np.ndarray:
    rows, columns = np.indices((50, 60))
    return np.hypot(rows - 25, columns - 30) <= 12


def _slice() -> np.ndarray:
    return np.where(_disc(), 60, -100).astype(np.float32)


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


def test_a_box_gives_the_servers_mask_within_the_box(server):
    segmenter, desk = server
    found = segmenter.chances(_slice(), Prompt(Box(14, 9, 47, 42)), pixel_mm=_MM)
    assert set(np.unique(found)) == {0.0, 1.0}
    assert np.array_equal(found > 0, SeededGrowth().segment(_slice(), Box(14, 9, 47, 42), pixel_mm=_MM))
    assert _dice(found > 0, _disc()) > 0.9
    assert desk.calls == ["/upload_image", "/upload_segment", "/add_bbox_interaction"]
    assert np.array_equal(desk.image, _slice()[None])


def test_clicks_follow_the_box_in_their_order(server):
    segmenter, desk = server
    prompt = Prompt(Box(14, 9, 47, 42), (Click(10, 15, True), Click(25, 30, False)))
    found = segmenter.chances(_slice(), prompt, pixel_mm=_MM)
    assert desk.calls[-2:] == ["/add_point_interaction"] * 2
    assert found[10, 15] == 1.0
    assert not found[25, 30]


def test_an_earlier_mask_is_the_object_to_begin_with(server):
    segmenter, _ = server
    before = np.zeros((50, 60), np.float32)
    before[10, 15] = 0.7
    found = segmenter.chances(_slice(), Prompt(Box(14, 9, 47, 42), before=before), pixel_mm=_MM)
    assert found[10, 15] == 1.0
    assert segmenter.chances(_slice(), Prompt(Box(14, 9, 47, 42)), pixel_mm=_MM)[10, 15] == 0.0


def test_a_window_clips_what_the_server_sees(server):
    segmenter, desk = server
    segmenter.chances(_slice(), Prompt(Box(14, 9, 47, 42), window=Window(20, 40)), pixel_mm=_MM)
    assert set(np.unique(desk.image)) == {0.0, 40.0}


@pytest.mark.parametrize(("plane", "codes"), [(AXIAL, (1, 1, 1)), (AXIAL, (-1, -1, 1)), (SAGITTAL, (1, -1, -1))])
def test_a_volume_comes_back_on_the_images_grid_whatever_its_axes(server, plane, codes):
    segmenter, desk = server
    grid = Grid((20, 24, 16), np.diag([*(2.0 * sign for sign in codes), 1.0]))
    values = np.full(grid.shape, -100, np.float32)
    values[6:15, 7:17, 4:12] = 60
    view = SliceView(grid, plane)
    structure = view.turned(values > 0)
    number = int(structure.sum(axis=(1, 2)).argmax()) + 1
    rows, columns = (np.flatnonzero(structure[number - 1].any(axis=axis)) for axis in (1, 0))
    box = Box(columns[0] - 2, rows[0] - 2, columns[-1] + 3, rows[-1] + 3)
    within = Click(int(rows[0]), int(columns[-1]), True)  # the server adds all that is like it and connected
    found = segmenter.volume(values, view, number, Prompt(box, (within,)))
    assert found.dtype == np.uint8
    assert np.array_equal(found > 0, values > 0)
    assert desk.image.shape == structure.shape


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("status", "refused /upload_image with status 503"),
        ("forgets", "refused .*No image uploaded"),
        ("half", "broke off its answer"),
        ("damaged", "damaged"),
        ("other shape", "bytes, but the image needs 375"),
    ],
)
def test_a_server_that_misbehaves_is_told_of_in_one_sentence(server, fault, said):
    segmenter, desk = server
    desk.fault = fault
    with pytest.raises(AnatomyGuidedError, match=said):
        segmenter.chances(_slice(), Prompt(Box(14, 9, 47, 42)), pixel_mm=_MM)


def test_a_slow_server_is_given_up(server):
    segmenter, desk = server
    desk.fault = "slow"
    slow = replace(segmenter, client=replace(segmenter.client, timeout_s=0.2))
    with pytest.raises(AnatomyGuidedError, match=r"did not answer within 0\.2 s; nothing was changed"):
        slow.chances(_slice(), Prompt(Box(14, 9, 47, 42)), pixel_mm=_MM)


@pytest.mark.parametrize(
    "prompt", [Prompt(Box(70, 70, 80, 80)), Prompt(Box(14, 9, 47, 42), (Click(50, 10, True),))], ids=["box", "click"]
)
def test_prompts_outside_the_image_never_reach_the_server(server, prompt):
    segmenter, desk = server
    with pytest.raises(AnatomyGuidedError, match="outside the image"):
        segmenter.chances(_slice(), prompt, pixel_mm=_MM)
    assert desk.calls == []


def test_a_session_survives_the_server_and_goes_on_when_it_is_back():
    grid = Grid((60, 50, 3), np.diag([-1.0, -1.0, 3.0, 1.0]))
    values = np.repeat(_slice().T[:, :, None], 3, axis=2)
    anatomy = Labelmap(np.where(values > 0, id_of("Liver"), 0).astype(np.uint8), grid)
    with served() as (address, desk):
        session = Session(Volume(values, grid, "HU"), anatomy, segmenter=NNInteractive.at(address, timeout_s=5.0))
        assert session.say("segment the liver").done
        states, mask = session.states, session.current.mask
        desk.fault = "half"
        reply = session.say("make the box two pixels larger")
        assert (reply.done, "broke off" in reply.text) == (False, True)
        assert session.states == states
        desk.fault = ""
        assert session.say("make the box two pixels larger").done
    reply = session.say("make the box two pixels larger")
    assert (reply.done, "cannot be reached" in reply.text) == (False, True)
    assert len(session.states) == 2
    assert np.array_equal(session.states[0].mask, mask)


@pytest.mark.parametrize(("said", "slices"), [("propagate", (1, 2, 3, 4)), ("propagate up", (2, 3, 4)),
                                              ("propagate down", (1, 2))])  # fmt: skip
def test_propagate_asks_the_server_for_the_whole_image(said, slices):
    grid = Grid((60, 50, 4), np.diag([-1.0, -1.0, 3.0, 1.0]))
    values = np.repeat(_slice().T[:, :, None], 4, axis=2)
    anatomy = Labelmap(np.where(values > 0, id_of("Liver"), 0).astype(np.uint8), grid)
    with served() as (address, desk):
        session = Session(Volume(values, grid, "HU"), anatomy, segmenter=NNInteractive.at(address, timeout_s=5.0))
        assert session.say("segment the liver on slice 2").done
        own = session.current.mask
        assert session.say(said).done
        assert desk.image.shape == (4, 50, 60)
    found = SliceView(grid, AXIAL).turned(session.current.volume)
    assert tuple(np.flatnonzero(found.any(axis=(1, 2))) + 1) == slices
    assert np.array_equal(found[1] > 0, own)
    assert _dice(found[slices[-1] - 1] > 0, _disc()) > 0.9


def test_nobody_listening_is_told_of_in_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(AnatomyGuidedError, match="cannot be reached"):
        NNInteractive.at(f"http://127.0.0.1:{port}").chances(_slice(), Prompt(Box(14, 9, 47, 42)), pixel_mm=_MM)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1527", "http://localhost:80", "http://[::1]:1527", "https://127.9.9.9"]
)
def test_addresses_of_this_machine_need_no_leave(address):
    own_machine_or_allowed(address, allow_remote=False)


@pytest.mark.parametrize("address", ["http://10.0.0.7:1527", "https://example.org", "http://localhost.example.org:1"])
def test_another_machine_gets_images_only_where_that_is_allowed(address):
    with pytest.raises(AnatomyGuidedError, match="--allow-remote"):
        own_machine_or_allowed(address, allow_remote=False)
    assert own_machine_or_allowed(address, allow_remote=True).host in address


@pytest.mark.parametrize(
    "address",
    ["", "127.0.0.1:1527", "ftp://127.0.0.1", "http://127.0.0.1:x", "http://a:b@127.0.0.1", "http://127.0.0.1/x"],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(UsageError, match=r"http://127\.0\.0\.1:1527"):
        own_machine_or_allowed(address, allow_remote=True)
