"""The kernels of `seqtool bleu` against the slow references."""

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import naive
import pytest
from bleu_batches import decode, metric, rows
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import corpora, lines, segments, token_pairs

from seqtool.errors import SeqtoolError
from seqtool_bleu.batch import LONGEST_LINE
from seqtool_bleu.ter import MOST_WORDS
from seqtool_bleu.tokenizers import tokenizer

pytestmark = pytest.mark.kernel
thorough = settings(max_examples=150, deadline=None)
few = settings(max_examples=50, deadline=None)

TOKENIZERS = {
    "none": naive.tokenize_none,
    "13a": naive.tokenize_13a,
    "intl": naive.tokenize_intl,
    "zh": naive.tokenize_zh,
    "char": naive.tokenize_char,
}

Segment = tuple[str, list[str]]


def row(name: str, hypothesis: str, references: Sequence[str], **options: Any) -> list[float]:
    """The numbers of one segment."""
    return rows(metric(name, **options), [hypothesis], [[ref] for ref in references])[0]


def naive_bleu(
    hypothesis: str, references: Sequence[str], tokenize: str = "13a", max_order: int = 4
) -> list[float]:
    tokens = [TOKENIZERS[tokenize](ref) for ref in references]
    return [*naive.bleu_columns(TOKENIZERS[tokenize](hypothesis), tokens, max_order)]


def naive_chrf(hypothesis: str, references: Sequence[str], *options: Any) -> list[float]:
    return [*naive.chrf_columns(hypothesis, references, *options)]


def naive_ter(hypothesis: str, references: Sequence[str], *options: bool) -> list[float]:
    tokens = [naive.tokenize_ter(ref, *options) for ref in references]
    if options and options[0]:  # the peer normalises references twice
        tokens = [naive.tokenize_ter(" ".join(words), *options) for words in tokens]
    return naive.ter_columns(naive.tokenize_ter(hypothesis, *options), tokens)


def naive_errors(
    hypothesis: str, references: Sequence[str], characters: bool = False
) -> list[float]:
    best: list[float] = []
    for ref in references:
        hyp_items, ref_items = hypothesis.split(), ref.split()
        if characters:
            hyp_items, ref_items = list(" ".join(hyp_items)), list(" ".join(ref_items))
        counts = naive.edit_operations(hyp_items, ref_items)
        if not best or sum(counts[:3]) < sum(best[:3]):
            best = [*counts, len(ref_items)]
    return best


NAIVE: dict[str, Callable[[str, Sequence[str]], list[float]]] = {
    "bleu": naive_bleu,
    "chrf": naive_chrf,
    "chrf++": lambda hypothesis, references: naive_chrf(hypothesis, references, 6, 2),
    "ter": naive_ter,
    "wer": naive_errors,
    "cer": lambda hypothesis, references: naive_errors(hypothesis, references, True),
}


# --- UTF-8 ------------------------------------------------------------------------------------


def check_decoding(data: bytes) -> None:
    """Code points and starts of lines are Python's; -1 exactly when Python raises."""
    longest, text, starts = decode(data)
    try:
        expected = data.decode()
    except UnicodeDecodeError:
        assert longest == -1
        return
    assert text[: len(expected)] == list(map(ord, expected))
    lengths = [len(line) for line in expected.split("\n")[:-1]]
    assert longest == max(lengths, default=0)
    assert [b - a - 1 for a, b in pairwise(starts)] == lengths


@thorough
@given(texts=st.lists(lines(), max_size=4))
@example(texts=[])
@example(texts=["", "", ""])
@example(texts=["\x00\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"])
def test_decode_text(texts: list[str]) -> None:
    check_decoding("".join(f"{line}\n" for line in texts).encode())


@thorough
@given(data=st.binary(max_size=12))
def test_decode_bytes(data: bytes) -> None:
    check_decoding(data + b"\n")


@thorough
@given(
    line=lines().filter(bool),
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=2),
    cut=st.integers(0, 10**6),
)
def test_decode_damaged_text(line: str, changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(line.encode())
    for place, byte in changes:
        data[place % len(data)] = byte
    place = cut % (len(data) + 1)
    del data[place : place + 1]
    check_decoding(bytes(data) + b"\nb\n")


def test_decode_every_kind_of_sequence() -> None:
    edges = (0x20, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF)
    for first in range(0x80, 0x100):
        for second in edges:
            check_decoding(bytes([first, second, 10]))
            for third in (0x7F, 0x80, 0xBF, 0xC0):
                check_decoding(bytes([first, second, third, 10]))
                check_decoding(bytes([first, second, third, 0x80, 10]))
                check_decoding(bytes([first, second, third, 0xBF, 10]))


# --- tokenizers -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TOKENIZERS)
@thorough
@given(line=lines())
@example(line="")
@example(line=" .5, 5. -5- a.. ...b 1,000.00, 5 2-")
@example(line="&amp;quot;&amp;lt;&quot;<skip<skipped>ped>it's &amp;amp;lt; &lt;&gt;&amp;gt;&am")
@example(line="&&amp;&lt&gt;&quot&quot;;&amp")
@example(line="<skipped>")
@example(line="1\u00b2.3 Ⅷ.½ «1» ١,٢ $5+€6")
@example(line="\x1ca\x85b\u2028c\u3000d\ufeffe\u200bf\r")
def test_tokenizer(name: str, line: str) -> None:
    assert tokenizer(name).words(line) == TOKENIZERS[name](line)


@pytest.mark.parametrize("name", TOKENIZERS)
@thorough
@given(line=st.text("a1.,-!& \u3000$€。中", max_size=20))
def test_tokenizer_on_marks(name: str, line: str) -> None:
    assert tokenizer(name).words(line) == TOKENIZERS[name](line)


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("unit", ["!", ".", ",.", "!.", ".!", "-", "1-", "5.5", "a.", "&", "。."])
def test_a_tokenized_line_fits_into_its_space(name: str, unit: str) -> None:
    for line in (unit * 50, unit):
        assert tokenizer(name).words(line) == TOKENIZERS[name](line)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_tokenizer_on_every_character(name: str) -> None:
    ours = tokenizer(name)
    for start in (*range(0, 0xD800, 256), *range(0xE000, 0x12000, 256), 0x1F300, 0x20000, 0x10FF00):
        chars = [c for c in map(chr, range(start, start + 256)) if c != "\n"]
        line = " ".join(f"a{char}b 1{char}2" for char in chars)
        assert ours.words(line) == TOKENIZERS[name](line)


# --- columns ----------------------------------------------------------------------------------


@pytest.mark.parametrize("references", [1, 3])
@pytest.mark.parametrize("tokenize", TOKENIZERS)
@few
@given(data=st.data(), max_order=st.integers(1, 6))
def test_bleu_columns(references: int, tokenize: str, data: st.DataObject, max_order: int) -> None:
    hypothesis, refs = data.draw(segments(references))
    expected = naive_bleu(hypothesis, refs, tokenize, max_order)
    assert row("bleu", hypothesis, refs, tokenize=tokenize, max_order=max_order) == expected


@pytest.mark.parametrize("references", [1, 3])
@thorough
@given(
    data=st.data(),
    char_order=st.integers(1, 7),
    word_order=st.integers(0, 3),
    beta=st.integers(1, 3),
    flags=st.tuples(st.booleans(), st.booleans()),
)
def test_chrf_columns(
    references: int,
    data: st.DataObject,
    char_order: int,
    word_order: int,
    beta: int,
    flags: tuple[bool, bool],
) -> None:
    hypothesis, refs = data.draw(segments(references))
    counted = row(
        "chrf",
        hypothesis,
        refs,
        chrf_char_order=char_order,
        chrf_word_order=word_order,
        chrf_beta=beta,
        chrf_whitespace=flags[0],
        chrf_eps_smoothing=flags[1],
    )
    assert counted == naive_chrf(hypothesis, refs, char_order, word_order, beta, *flags)


@pytest.mark.parametrize("references", [1, 3])
@thorough
@given(data=st.data(), options=st.tuples(*[st.booleans()] * 4))
def test_ter_columns(
    references: int, data: st.DataObject, options: tuple[bool, bool, bool, bool]
) -> None:
    hypothesis, refs = data.draw(segments(references))
    names = ("ter_normalized", "ter_no_punct", "ter_asian_support", "ter_case_sensitive")
    counted = row("ter", hypothesis, refs, **dict(zip(names, options, strict=True)))
    assert counted == naive_ter(hypothesis, refs, *options)


@thorough
@given(pair=token_pairs())
@example(pair=([], ["a"]))
@example(pair=(["a"], []))
@example(pair=([], []))
def test_ter_of_repetitive_tokens(pair: tuple[list[str], list[str]]) -> None:
    hypothesis, reference = (" ".join(tokens) for tokens in pair)
    assert row("ter", hypothesis, [reference]) == naive_ter(hypothesis, [reference])


@pytest.mark.parametrize(
    ("hyp_length", "ref_length", "kinds"),
    [
        (30, 30, 3),  # reaches the limit on candidates
        (65, 70, 300),  # has runs further apart than the limit on distance
        (2, 120, 4),  # so unlike in length that the beam widens
        (120, 2, 4),
        (40, 90, 1000),  # the beam cuts off cells
    ],
)
def test_ter_limits(hyp_length: int, ref_length: int, kinds: int) -> None:
    rng = random.Random(hyp_length * ref_length)
    reference = [str(rng.randrange(kinds)) for _ in range(ref_length)]
    turned = reference[ref_length // 3 :] + reference[: ref_length // 3]
    words = [
        word if rng.random() < 0.8 else str(rng.randrange(kinds))
        for word in (turned * hyp_length)[:hyp_length]
    ]
    hypothesis, text = " ".join(words), " ".join(reference)
    assert row("ter", hypothesis, [text]) == naive_ter(hypothesis, [text])


@pytest.mark.parametrize("name", ["wer", "cer"])
@pytest.mark.parametrize("references", [1, 3])
@thorough
@given(data=st.data())
def test_error_columns(name: str, references: int, data: st.DataObject) -> None:
    hypothesis, refs = data.draw(segments(references))
    assert row(name, hypothesis, refs) == NAIVE[name](hypothesis, refs)


@thorough
@given(pair=token_pairs(max_length=20))
def test_error_columns_of_repetitive_tokens(pair: tuple[list[str], list[str]]) -> None:
    hypothesis, reference = (" ".join(tokens) for tokens in pair)
    for name in ("wer", "cer"):
        assert row(name, hypothesis, [reference]) == NAIVE[name](hypothesis, [reference])


@pytest.mark.parametrize("name", NAIVE)
@settings(max_examples=20, deadline=None)
@given(
    corpus=corpora(references=3),
    flags=st.lists(
        st.tuples(*[st.booleans()] * 3).filter(any),
        min_size=5,
        max_size=5,
    ),
)
def test_missing_references(
    name: str, corpus: tuple[list[str], list[list[str]]], flags: list[tuple[bool, bool, bool]]
) -> None:
    hypotheses, streams = corpus
    flags = flags[: len(hypotheses)]
    counted = rows(metric(name), hypotheses, streams, list(zip(*flags, strict=True)))
    for segment, (hypothesis, there) in enumerate(zip(hypotheses, flags, strict=True)):
        refs = [stream[segment] for stream, flag in zip(streams, there, strict=True) if flag]
        assert counted[segment] == NAIVE[name](hypothesis, refs)


@pytest.mark.parametrize("name", NAIVE)
def test_many_segments_in_threads(name: str) -> None:
    rng = random.Random(5)
    words = "the a cat sat on mat . , it's 1.5 Straße 你好".split()
    corpus = [[" ".join(rng.choices(words, k=rng.randrange(9))) for _ in range(300)] for _ in "abc"]
    expected = [NAIVE[name](h, refs) for h, *refs in zip(*corpus, strict=True)]
    for threads in (1, 3):
        assert rows(metric(name), corpus[0], corpus[1:], threads=threads) == expected


# --- odd input --------------------------------------------------------------------------------

ODD: dict[str, Segment] = {
    "empty": ("", [""]),
    "empty hypothesis": ("", ["a b c d"]),
    "empty reference": ("a b c d", [""]),
    "one empty reference": ("a b c d", ["", "a b c e"]),
    "white space": (" \t\u3000 ", ["\u2028 \x1c"]),
    "the same word": ("a " * 60, ["a " * 45, "a " * 70]),
    "one long word": ("ab" * 400, ["ba" * 400]),
    "equal": ("The cat sat on the mat .", ["The cat sat on the mat ."]),
    "reversed": ("f e d c b a", ["a b c d e f"]),
    "zero bytes": ("a\0b \0 c", ["a\0b c \0"]),
    "ties in length": ("a b c", ["a b", "a b c d"]),
    "beyond the BMP": ("😀 😀😀 𠀀", ["😀 𠀀 😀😀"]),
}


@pytest.mark.parametrize("name", NAIVE)
@pytest.mark.parametrize("case", ODD)
def test_odd_segments(name: str, case: str) -> None:
    hypothesis, references = ODD[case]
    assert row(name, hypothesis, references) == NAIVE[name](hypothesis, references)


def colliding_words(count: int) -> list[str]:
    """Words whose first slot is the same in every table of up to 1,024 slots."""
    found: list[str] = []
    number = 0
    while len(found) < count:
        word = f"{number:x}"
        number += 1
        hashed = 0
        for char in word:
            hashed = ((hashed ^ ord(char)) * 0x1E3779B97F4A7C15) & (2**63 - 1)
        hashed ^= hashed >> 31
        if (hashed >> 20) & 0x3FF == 5:
            found.append(word)
    return found


@pytest.mark.parametrize("name", ["bleu", "chrf++", "ter", "wer"])
def test_words_that_collide(name: str) -> None:
    words = colliding_words(12)
    hypothesis = " ".join(words[2:] + words[:5])
    references = [" ".join(words[:8]), " ".join(words[::-1] + words[:3])]
    assert row(name, hypothesis, references) == NAIVE[name](hypothesis, references)


@pytest.mark.parametrize("name", ["bleu", "chrf++"])
def test_a_very_long_line(name: str) -> None:
    rng = random.Random(3)
    reference = [f"w{rng.randrange(500)}" for _ in range(4000)]
    words = [w if rng.random() < 0.8 else "other" for w in reference[:3000]]
    hypothesis, text = " ".join(words), " ".join(reference)
    assert row(name, hypothesis, [text]) == NAIVE[name](hypothesis, [text])


@pytest.mark.parametrize("name", ["wer", "cer"])
def test_error_rates_of_a_long_line(name: str) -> None:
    rng = random.Random(4)
    reference = "".join(rng.choice("ab ") for _ in range(500))
    hypothesis = "".join(rng.choice("ab ") for _ in range(400))
    assert row(name, hypothesis, [reference]) == NAIVE[name](hypothesis, [reference])


def test_a_line_that_is_no_sentence() -> None:
    with pytest.raises(SeqtoolError, match=r"segment 2 has 1,000,001 characters; the longest"):
        rows(metric("bleu"), ["a", "b" * (LONGEST_LINE + 1)], [["a", "b"]])


def test_more_words_than_ter_takes() -> None:
    with pytest.raises(SeqtoolError, match=r"a line of 5,001 words .*: TER takes at most 5,000"):
        row("ter", "a " * (MOST_WORDS + 1), ["a"])
