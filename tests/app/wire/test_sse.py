from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.wire.exchange import AnswerError
from app.wire.sse import MAX_FRAME_BYTES, Frame, FrameSplitter
from tests.support.wire.streams import by_byte, cut


def split(pieces: list[bytes]) -> list[Frame]:
    splitter = FrameSplitter()
    frames = [frame for piece in pieces for frame in splitter.feed(piece)]
    last = splitter.flush()
    return frames if last is None else [*frames, last]


def fields_of(stream: bytes) -> list[tuple[str, bytes | None]]:
    return [(frame.event, frame.data) for frame in split([stream])]


@pytest.mark.parametrize(
    ("stream", "frames"),
    [
        (b"data: {}\n\n", [("", b"{}")]),
        (b"data:{}\n\n", [("", b"{}")]),
        (b"data:  {}\n\n", [("", b" {}")]),
        (b"data\n\n", [("", b"")]),
        (b"data: a\ndata: b\n\n", [("", b"a\nb")]),
        (b"data: a\r\ndata: b\r\n\r\n", [("", b"a\nb")]),
        (b"data: a\rdata: b\r\r", [("", b"a\nb")]),
        (b"data: a\r\n\ndata: b\n\r\n", [("", b"a"), ("", b"b")]),
        (b"event: x\ndata: a\n\n", [("x", b"a")]),
        (b"event:x\ndata: a\n\n", [("x", b"a")]),
        (b"data: a\nevent: x\n\n", [("x", b"a")]),
        (b"event: x\nevent: y\ndata: a\n\n", [("y", b"a")]),
        (b"event: \xff\ndata: a\n\n", [("\ufffd", b"a")]),
        (b"event: \xff\nid: 1\ndata: a\n\n", [("\ufffd", b"a")]),
        (b"event: x\nnodata: a\n\n", [("x", None)]),
        (b": comment\n\n", [("", None)]),
        (b": comment\ndata: a\n\n", [("", b"a")]),
        (b"id: 7\nretry: 10\ndata: a\nunknown: z\n\n", [("", b"a")]),
        (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [("", b"a"), ("", None)]),
        (b"\n\n\ndata: a\n\n", [("", None), ("", b"a")]),
        (b"data: cut", [("", b"cut")]),
        (b"data: a\n", [("", b"a")]),
        (b"data: a\n\n\n", [("", b"a")]),
    ],
)
def test_fields_are_read_according_to_the_standard(stream: bytes, frames: list[tuple[str, bytes | None]]) -> None:
    assert fields_of(stream) == frames
    assert [(frame.event, frame.data) for frame in split(by_byte(stream))] == frames


LINES = st.sampled_from(
    [b"data: {}", b"data:", b"data: a", b"data", b": c", b"event: e", b"id: 1", b"\xef\xbb\xbf", b"", b"x"]
)
STREAMS = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n", b"\n\n"]))).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


@given(STREAMS, st.lists(st.integers(min_value=0)))
def test_frames_do_not_depend_on_cuts_and_keep_every_byte(stream: bytes, places: list[int]) -> None:
    whole = FrameSplitter()
    frames = whole.feed(stream)
    pieces = FrameSplitter()
    assert [frame for piece in cut(stream, places) for frame in pieces.feed(piece)] == frames
    assert pieces.flush() == whole.flush()
    joined = b"".join(frame.raw for frame in frames)
    assert stream.removeprefix(b"\xef\xbb\xbf").startswith(joined)
    assert split(by_byte(stream)) == split([stream])


@given(STREAMS)
def test_a_frame_with_its_own_data_is_the_same_event(stream: bytes) -> None:
    for frame in split([stream]):
        if frame.data is not None:
            again = split([frame.with_data(frame.data)])
            assert [(each.event, each.data) for each in again] == [(frame.event, frame.data)]


def test_other_data_leaves_the_rest_of_the_frame() -> None:
    [frame] = split([b": c\r\nid: 1\r\ndata: old\r\nevent: e\r\n\r\n"])
    assert frame.with_data(b"new") == b": c\r\nid: 1\r\ndata: new\r\nevent: e\r\n\r\n"


def test_other_data_for_several_lines_of_data() -> None:
    [frame] = split([b"\xef\xbb\xbfid: 1\ndata: {\ndata: }\nevent: e\n\n"])
    assert frame.with_data(b"{\n1}") == b"id: 1\nevent: e\ndata: {\ndata: 1}\n\n"


def test_nothing_is_pending_after_whole_frames() -> None:
    splitter = FrameSplitter()
    splitter.feed(b"data: a\n\n")
    assert splitter.flush() is None


def test_a_frame_may_be_as_long_as_the_limit_and_no_longer() -> None:
    longest = b"data: " + b"x" * (MAX_FRAME_BYTES - 8) + b"\n\n"
    assert [len(frame.raw) for frame in FrameSplitter().feed(longest)] == [MAX_FRAME_BYTES]
    for stream in (b"data: x" + longest[6:], b"x" * (MAX_FRAME_BYTES + 1)):
        with pytest.raises(AnswerError) as caught:
            FrameSplitter().feed(stream)
        assert caught.value.malformed


def test_a_frame_beyond_the_limit_is_rejected_before_its_end() -> None:
    splitter = FrameSplitter()
    half = b"x" * (MAX_FRAME_BYTES // 2)
    assert splitter.feed(half) == splitter.feed(half) == []
    with pytest.raises(AnswerError):
        splitter.feed(b"x")
