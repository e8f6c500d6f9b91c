"""Words by rule: UAX 29 against its rules and the regex package, 13a against sacrebleu."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import regex
from conftest import REPOSITORY
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive import word_breaks as slow
from strategies import lines
from test_tokenize_pretokenize import words_of

from seqtool import word_classes
from seqtool.errors import SeqtoolError
from seqtool.text import open_bytes
from seqtool.tokenizers.batches import batch_of_lines, batch_of_texts, texts_of
from seqtool.tokenizers.uax29 import holds_letter_or_number, uax29_words
from seqtool.tokenizers.word_rules import split_words

# At least one character of every value of Word_Break, and of what the rules look at besides.
SAMPLES = (*"aéא1٣カ_'\".:,·’ \u3000\r\n\x0b\u2028\u0301\u200d\u00ad🇦👩🅰☺你!\u200b🏽",)
TEXTS = st.one_of(lines(), st.lists(st.sampled_from(SAMPLES), max_size=12).map("".join))


@pytest.mark.kernel
@settings(max_examples=200, deadline=None)
@given(texts=st.lists(TEXTS, max_size=3))
@example(texts=['א"א', "א'", 'א"\u0301א', "a.\u0301b", "a:", "1.a", "1,2", "🇦🇧\u0301🇨🇩🇪"])
@example(texts=["a\u200d🅰\u200d1", "\u200d👩", "  \u0301 ", "\r\n\u0301", "🇦\u200d🇧", "_カ_"])
def test_segments_follow_the_rules(texts: list[str]) -> None:
    batch = batch_of_texts(texts)
    found = words_of(batch, uax29_words(batch))
    assert found == [[s.encode() for s in slow.segments(text)] for text in texts]


@pytest.mark.kernel
@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
def test_words_hold_a_letter_or_a_number(text: str) -> None:
    (found,) = split_words("unicode", batch_of_texts([text]))
    expected = [s.encode() for s in slow.segments(text) if regex.search(r"[\p{L}\p{N}]", s)]
    assert found == expected


@pytest.mark.kernel
@settings(max_examples=40, deadline=None)
@given(text=st.binary(max_size=20))
def test_bytes_that_are_not_utf8_are_others(text: bytes) -> None:
    batch = batch_of_texts([text])
    segments = uax29_words(batch)
    (found,) = words_of(batch, segments)
    assert b"".join(found) == text
    shown = regex.sub("[\udc80-\udcff]", "\ue000", text.decode("utf-8", "surrogateescape"))
    assert len(found) == len(slow.segments(shown))
    assert len(holds_letter_or_number(batch, segments)) == len(found)


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(lines(), max_size=3))
def test_13a_is_what_sacrebleu_does(texts: list[str]) -> None:
    tokenizer = pytest.importorskip("sacrebleu.tokenizers.tokenizer_13a").Tokenizer13a()
    expected = [tokenizer(text.rstrip()).split() for text in texts]
    found = split_words("13a", batch_of_texts(texts))
    assert [[word.decode() for word in words] for words in found] == expected


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi, &quot;you&quot; &amp;lt;", 'Hi , " you " <'),
        ("3.14-5 <skipped>don't.", "3.14 - 5 don't ."),
        ("é.5 5.é \u3000你", "é . 5 5 . é 你"),
        ("", ""),
    ],
)
def test_13a(text: str, expected: str) -> None:
    assert split_words("13a", batch_of_texts([text])) == [expected.encode().split()]


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(TEXTS, max_size=3))
def test_white_space(texts: list[str]) -> None:
    found = split_words("whitespace", batch_of_texts(texts))
    assert found == [[word.encode() for word in text.split()] for text in texts]


def test_unknown_rules() -> None:
    with pytest.raises(SeqtoolError, match="no rules 'x' for words: choose one of unicode, 13a"):
        split_words("x", batch_of_texts([]))


@pytest.mark.real
def test_lines_of_wikipedia(data: Path) -> None:
    with open_bytes(str(data / "text" / "wiki-en.txt.xz")) as file:
        block = file.read(12_000)
    batch = batch_of_lines(block[: block.rfind(b"\n") + 1])
    expected = [[s.encode() for s in slow.segments(t.decode())] for t in texts_of(batch)]
    assert words_of(batch, uax29_words(batch, 2)) == expected


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="too slow without the JIT")
@pytest.mark.parametrize("unit", [" ", "a", "a.", "a.\u0301", "🇦", "\u200d", "1,", "א'", "\0"])
def test_a_megabyte_of_one_thing(unit: str) -> None:
    batch = batch_of_texts([unit * ((1 << 20) // len(unit.encode()))])
    start = time.perf_counter()
    uax29_words(batch)
    assert time.perf_counter() - start < 5


def test_tables_are_what_their_generator_writes() -> None:
    generator = REPOSITORY / "tools" / "make_word_classes.py"
    version = "import make_unicode_classes as m; print(m.regex_unicode_version())"
    installed = subprocess.run(
        [sys.executable, "-c", version], cwd=generator.parent, capture_output=True, text=True
    ).stdout.strip()
    if installed != word_classes.UNICODE_VERSION:
        pytest.skip(f"regex follows Unicode {installed}, not {word_classes.UNICODE_VERSION}")
    done = subprocess.run(
        [sys.executable, str(generator), "--check"], capture_output=True, text=True
    )
    assert done.stdout == "word_classes.py: as generated\n", done.stderr


def test_tables() -> None:
    pattern, breaks = word_classes.pattern_table(), word_classes.word_break_table()
    assert len(pattern) == len(breaks) == word_classes.INVALID + 1
    assert pattern[word_classes.INVALID] == word_classes.OTHER
    assert breaks[word_classes.INVALID] == 0
    for code, bits in ((65, "LETTER"), (0x660, "NUMBER"), (0x2028, "SPACE"), (0x1C, "OTHER")):
        assert pattern[code] == getattr(word_classes, bits)
    assert pattern[10] == word_classes.SPACE | word_classes.LINE_END
