"""Stop conditions, and text that comes out of ids in pieces."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seqtool.decode.stop import StopStrings, TokenStream

TEXTS = st.text("abc", max_size=12)


def printed_before_stop(text: str, strings: list[str]) -> tuple[str, bool]:
    """What is printed if the text comes in one character at a time and is never held back."""
    for end in range(len(text) + 1):
        complete = [s for s in strings if s and text[:end].endswith(s)]
        if complete:
            return text[: end - max(map(len, complete))], True
    return text, False


@given(st.lists(TEXTS, max_size=6), st.lists(st.text("abc", max_size=5), max_size=3))
@example(["ab", "cd"], ["bc", "abcd"])
@example(["aab"], ["aab"])
@example(["aa", "ab"], ["aab"])
@example(["ab", "ac"], ["abad"])
def test_stop_strings(pieces: list[str], strings: list[str]) -> None:
    text, stopped = printed_before_stop("".join(pieces), strings)
    stop = StopStrings(strings)
    out = ""
    seen = ""
    for piece in pieces:
        out += stop.feed(piece)
        seen += piece
        assert text.startswith(out)
        if not stop.stopped:  # no more is held back than what may be a stop string
            held = seen[len(out) :]
            assert seen.startswith(out)
            assert not held or any(s.startswith(held) and s != held for s in strings)
    assert out + stop.finish() == text
    assert stop.stopped == stopped
    assert stop.finish() == ""


@given(st.text(max_size=8), st.data())
def test_only_whole_characters(text: str, data: st.DataObject) -> None:
    content = text.encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(content)))) | {0, len(content)})
    stream = TokenStream()
    out = ""
    for i in range(len(cuts) - 1):
        out += stream.feed(0, content[cuts[i] : cuts[i + 1]])
        assert text.startswith(out)
        assert len(content[: cuts[i + 1]]) - len(out.encode()) < 4
    assert out + stream.finish() == text


def test_bytes_that_are_no_text() -> None:
    stream = TokenStream()
    assert [stream.feed(0, b) for b in (b"\xff", b"a\xe2\x82", b"b")] == ["�", "a", "�b"]
    assert stream.feed(0, b"\xe2") == ""
    assert stream.finish() == "�"
    assert stream.finish() == ""


def test_end_id() -> None:
    stream = TokenStream(end_ids=[9], stop_strings=["xyz"])
    assert stream.feed(1, b"ax") == "a"
    assert stream.feed(9, b"</s>") == "x"
    assert stream.reason == "end"
    assert stream.feed(1, b"more") == ""
    assert stream.finish() == ""


def test_length() -> None:
    stream = TokenStream(max_length=2, stop_strings=["xyz"])
    assert stream.feed(1, b"ax") == "a"
    assert stream.feed(1, b"y\xe2") == "xy�"
    assert stream.reason == "length"
    assert stream.length == 2


@pytest.mark.parametrize("max_length", [2, None])
def test_stop_string(max_length: int | None) -> None:
    stream = TokenStream(max_length, stop_strings=["\n\n", "€x"])
    assert stream.feed(1, b"a\n") == "a"
    assert stream.feed(2, b"\nb") == ""
    assert stream.reason == "string"
    assert stream.finish() == ""
    stream = TokenStream(stop_strings=["€x"])
    assert [stream.feed(0, b) for b in (b"1\xe2", b"\x82", b"\xac", b"xy")] == ["1", "", "", ""]
    assert stream.reason == "string"
