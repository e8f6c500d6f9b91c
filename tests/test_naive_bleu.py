"""The slow references of `seqtool bleu` against the outside programs they follow."""

import random
from collections.abc import Iterator

import naive
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from strategies import corpora, lines, segments, token_pairs

from seqtool import unicode_classes

np = pytest.importorskip("numpy")
regex = pytest.importorskip("regex")
pytest.importorskip("sacrebleu")

from sacrebleu.metrics import BLEU, CHRF, TER  # noqa: E402
from sacrebleu.metrics.lib_ter import translation_edit_rate  # noqa: E402
from sacrebleu.significance import PairedTest, _bootstrap_resample, estimate_ci  # noqa: E402
from sacrebleu.tokenizers.tokenizer_ter import TercomTokenizer  # noqa: E402
from sacrebleu.tokenizers.tokenizer_zh import TokenizerZh  # noqa: E402

thorough = settings(max_examples=200, deadline=None)

TOKENIZERS = {
    "none": naive.tokenize_none,
    "13a": naive.tokenize_13a,
    "intl": naive.tokenize_intl,
    "zh": naive.tokenize_zh,
    "char": naive.tokenize_char,
}
TOKENIZER_PEERS = {name: BLEU(tokenize=name) for name in TOKENIZERS}
_CATEGORIES = {
    unicode_classes.PUNCTUATION: regex.compile(r"\p{P}"),
    unicode_classes.SYMBOL: regex.compile(r"\p{S}"),
    unicode_classes.NUMBER: regex.compile(r"\p{N}"),
}
_CLASSES = unicode_classes.class_table()


def same_unicode(line: str) -> bool:
    """Whether the installed regex and the table agree on every character of the line."""
    return all(
        bool(pattern.match(char)) == bool(_CLASSES[ord(char)] & bit)
        for char in line
        for bit, pattern in _CATEGORIES.items()
    )


def stats_of(metric: BLEU | CHRF | TER, hypotheses: list[str], streams: list[list[str]]):
    """The peer's numbers of every segment, of lines as its command line reads them."""
    return metric._extract_corpus_statistics(
        [line.rstrip() for line in hypotheses],
        [[line.rstrip() for line in stream] for stream in streams],
    )


# --- tokenizers -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TOKENIZERS)
@thorough
@given(line=lines())
@example(line="")
@example(line=" .5, 5. -5- a.. ...b 1,000.00, 5")
@example(line="&amp;quot;&amp;lt;&quot;<skip<skipped>ped>it's")
@example(line="1\u00b2.3 Ⅷ.½ «1» ١,٢ $5+€6")
@example(line="\x1ca\x85b\u2028c\u3000d\ufeffe\u200bf\r")
def test_tokenizer(name: str, line: str) -> None:
    assume(name != "intl" or same_unicode(line))
    expected = TOKENIZER_PEERS[name]._preprocess_segment(line.rstrip()).split()
    assert TOKENIZERS[name](line) == expected


def lines_of_every_character(stop: int) -> Iterator[str]:
    """Each character below `stop` between letters and between digits, 64 to a line."""
    for start in range(0, stop, 64):
        chars = [c for c in map(chr, range(start, start + 64)) if c != "\n" and same_unicode(c)]
        if not "\ud800" <= chr(start) <= "\udfff":
            yield " ".join(f"a{char}b 1{char}2" for char in chars)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_tokenizer_on_every_character(name: str) -> None:
    peer = TOKENIZER_PEERS[name]
    for line in lines_of_every_character(0x20000):
        assert TOKENIZERS[name](line) == peer._preprocess_segment(line).split()


def test_zh_sets_apart_nothing_beyond_the_bmp() -> None:
    chinese = TokenizerZh._is_chinese_char
    assert not any(chinese(chr(code_point)) for code_point in range(0x10000, 0x110000))


@thorough
@given(line=lines(), options=st.tuples(*[st.booleans()] * 4))
@example(line="it's 's 's's ΑΣ İ &amp;quot; 5.5. 「あア」・", options=(True, True, True, False))
@example(line="㐀あいう㼢㼣龥豈㈠", options=(True, False, True, False))
def test_tokenize_ter(line: str, options: tuple[bool, bool, bool, bool]) -> None:
    assert naive.tokenize_ter(line, *options) == TercomTokenizer(*options)(line.rstrip()).split()


@pytest.mark.parametrize("options", [(True, False, True, False), (False, True, True, True)])
def test_tokenize_ter_on_every_character(options: tuple[bool, bool, bool, bool]) -> None:
    peer = TercomTokenizer(*options)
    for line in lines_of_every_character(0x11000):
        assert naive.tokenize_ter(line, *options) == peer(line).split()


# --- columns ----------------------------------------------------------------------------------


@pytest.mark.parametrize("references", [1, 3])
@thorough
@given(data=st.data(), max_order=st.integers(1, 6))
def test_bleu_columns(references: int, data: st.DataObject, max_order: int) -> None:
    hypothesis, refs = data.draw(segments(references))
    peer = BLEU(max_ngram_order=max_order)
    expected = stats_of(peer, [hypothesis], [[ref] for ref in refs])
    tokens = [naive.tokenize_13a(ref) for ref in refs]
    assert naive.bleu_columns(naive.tokenize_13a(hypothesis), tokens, max_order) == expected[0]


@pytest.mark.parametrize("references", [1, 3])
@thorough
@given(
    data=st.data(),
    char_order=st.integers(1, 7),
    word_order=st.integers(0, 3),
    beta=st.integers(0, 3),
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
    whitespace, eps_smoothing = flags
    peer = CHRF(char_order, word_order, beta, False, whitespace, eps_smoothing)
    expected = stats_of(peer, [hypothesis], [[ref] for ref in refs])
    columns = naive.chrf_columns(
        hypothesis, refs, char_order, word_order, beta, whitespace, eps_smoothing
    )
    assert columns == expected[0]
    assert naive.chrf_score(columns, beta, eps_smoothing) == peer._compute_f_score(columns)


@pytest.mark.parametrize("references", [1, 3])
@thorough
@given(data=st.data())
def test_ter_columns(references: int, data: st.DataObject) -> None:
    hypothesis, refs = data.draw(segments(references))
    expected = stats_of(TER(), [hypothesis], [[ref] for ref in refs])
    tokens = [naive.tokenize_ter(ref) for ref in refs]
    assert naive.ter_columns(naive.tokenize_ter(hypothesis), tokens) == expected[0]


@thorough
@given(pair=token_pairs())
@example(pair=([], ["a"]))
@example(pair=(["a"], []))
@example(pair=([], []))
def test_ter_edits_of_repetitive_tokens(pair: tuple[list[str], list[str]]) -> None:
    hypothesis, reference = pair
    edits, _ = translation_edit_rate(hypothesis, reference)
    assert naive.ter_edits(hypothesis, reference) == edits


@pytest.mark.parametrize(
    ("hyp_length", "ref_length", "kinds"),
    [
        (45, 45, 3),  # reaches the limit on candidates
        (70, 75, 300),  # has runs further apart than the limit on distance
        (2, 120, 4),  # so unlike in length that the beam widens
        (120, 2, 4),
        (60, 110, 1000),  # the beam cuts off cells
    ],
)
def test_ter_limits(hyp_length: int, ref_length: int, kinds: int) -> None:
    rng = random.Random(hyp_length * ref_length)
    for _ in range(3):
        reference = [str(rng.randrange(kinds)) for _ in range(ref_length)]
        turned = reference[ref_length // 3 :] + reference[: ref_length // 3]
        hypothesis = [
            word if rng.random() < 0.8 else str(rng.randrange(kinds))
            for word in (turned * hyp_length)[:hyp_length]
        ]
        edits, _ = translation_edit_rate(hypothesis, reference)
        assert naive.ter_edits(hypothesis, reference) == edits


# --- scores -----------------------------------------------------------------------------------

counts = st.integers(0, 30)


@st.composite
def bleu_sums(draw: st.DrawFn, max_order: int) -> list[int]:
    """Summed columns in which a longer n-gram is never more frequent than a shorter one."""
    total = sorted((draw(counts) for _ in range(max_order)), reverse=True)
    correct = [draw(st.integers(0, number)) for number in total]
    return [total[0], draw(counts), *correct, *total]


@pytest.mark.parametrize(
    ("smooth", "value"),
    [
        ("none", None),
        ("exp", None),
        ("floor", None),
        ("floor", 0.0),
        ("floor", 0.5),
        ("add-k", None),
        ("add-k", 0.3),
        ("add-k", 2),
    ],
)
@thorough
@given(data=st.data(), max_order=st.integers(1, 5), effective_order=st.booleans())
def test_bleu_score(
    smooth: str, value: float | None, data: st.DataObject, max_order: int, effective_order: bool
) -> None:
    columns = data.draw(bleu_sums(max_order))
    peer = BLEU(
        smooth_method=smooth,
        smooth_value=value,
        max_ngram_order=max_order,
        effective_order=effective_order,
    )
    for row in (columns, np.array(columns, dtype="float32")):
        score = naive.bleu_score(row, smooth, value, effective_order, max_order)
        assert score == peer._compute_score_from_stats(row.copy()).score


@thorough
@given(
    columns=st.lists(st.tuples(counts, counts, counts), min_size=6, max_size=8),
    beta=st.integers(1, 3),
    eps_smoothing=st.booleans(),
)
def test_chrf_score(columns: list[tuple[int, int, int]], beta: int, eps_smoothing: bool) -> None:
    flat = [number for h, r, m in columns for number in (h, r, min(h, r, m))]
    peer = CHRF(6, len(columns) - 6, beta, eps_smoothing=eps_smoothing)
    for row in (flat, np.array(flat, dtype="float32")):
        score = naive.chrf_score(row, beta, eps_smoothing)
        assert score == peer._compute_score_from_stats(row).score


@thorough
@given(edits=counts, ref_length=st.one_of(counts, st.floats(0.25, 30)))
def test_ter_score(edits: int, ref_length: float) -> None:
    for row in ([edits, ref_length], np.array([edits, ref_length], dtype="float32")):
        assert naive.ter_score(row) == TER()._compute_score_from_stats(row).score


# --- resampling -------------------------------------------------------------------------------


def naive_stats(name: str, hypotheses: list[str], streams: list[list[str]]) -> list[list[float]]:
    """Columns of every segment by the slow references."""
    rows: list[list[float]] = []
    for hypothesis, *refs in zip(hypotheses, *streams, strict=True):
        if name == "BLEU":
            tokens = [naive.tokenize_13a(ref) for ref in refs]
            rows.append([*naive.bleu_columns(naive.tokenize_13a(hypothesis), tokens)])
        elif name == "TER":
            tokens = [naive.tokenize_ter(ref) for ref in refs]
            rows.append(naive.ter_columns(naive.tokenize_ter(hypothesis), tokens))
        else:
            rows.append([*naive.chrf_columns(hypothesis, refs)])
    return rows


METRICS = {
    "BLEU": (BLEU, naive.bleu_score),
    "CHRF": (CHRF, naive.chrf_score),
    "TER": (TER, naive.ter_score),
}


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=50, deadline=None)
@given(corpus=corpora(references=3, min_lines=2), samples=st.sampled_from([5, 80]))
def test_bootstrap(name: str, corpus: tuple[list[str], list[list[str]]], samples: int) -> None:
    hypotheses, streams = corpus
    make_peer, score_of = METRICS[name]
    _, expected = _bootstrap_resample(
        stats_of(make_peer(), hypotheses, streams), make_peer(), samples
    )
    rng = np.random.default_rng(12345)
    indices = rng.choice(len(hypotheses), size=(samples, len(hypotheses)), replace=True)
    sums = naive.bootstrap_sums(naive_stats(name, hypotheses, streams), indices)
    scores = [score_of(np.array(row, dtype="float32")) for row in sums]
    assert scores == [score.score for score in expected]
    peer_mean, peer_interval = estimate_ci(np.array(scores, dtype="float64"))
    mean, interval = naive.confidence_interval(scores)
    assert interval == pytest.approx(peer_interval, abs=1e-5)
    assert mean == pytest.approx(peer_mean, abs=1e-5)


def test_bootstrap_sums_round_in_order() -> None:
    rng = np.random.default_rng(7)
    stats = rng.random((50, 3)) * 1e7
    indices = rng.integers(0, 50, size=(4, 500))
    expected = stats.astype("float32")[indices].sum(1)
    assert naive.bootstrap_sums(stats.tolist(), indices.tolist()) == expected.tolist()


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=50, deadline=None)
@given(
    pairs=st.lists(st.tuples(segments(), lines()), min_size=2, max_size=5),
    trials=st.integers(1, 30),
)
def test_randomization(
    name: str, pairs: list[tuple[tuple[str, list[str]], str]], trials: int
) -> None:
    baseline = [hypothesis for (hypothesis, _), _ in pairs]
    system = [line for _, line in pairs]
    refs = [[references[0].rstrip() for (_, references), _ in pairs]]
    make_peer, score_of = METRICS[name]
    named = [
        (label, [s.rstrip() for s in side]) for label, side in (("a", baseline), ("b", system))
    ]
    _, results = PairedTest(named, {name: make_peer()}, refs, "ar", trials)()
    (peer,) = (rows[1] for label, rows in results.items() if label != "System")

    stats = [naive_stats(name, side, refs) for side in (baseline, system)]
    whole = [naive.bootstrap_sums(side, [range(len(pairs))])[0] for side in stats]
    difference = abs(score_of(whole[0]) - score_of(whole[1]))
    picks = np.random.default_rng(12345).integers(2, size=(trials, len(pairs)), dtype=bool)
    firsts, seconds = naive.randomization_sums(*stats, picks)
    differences = [abs(score_of(a) - score_of(b)) for a, b in zip(firsts, seconds, strict=True)]
    assert naive.p_value(differences, difference) == peer.p_value


# --- edits ------------------------------------------------------------------------------------


@thorough
@given(pair=token_pairs(max_length=20, kinds=6))
def test_edit_operations_of_words_and_characters(pair: tuple[list[str], list[str]]) -> None:
    jiwer = pytest.importorskip("jiwer")
    hypothesis, reference = pair
    assume(reference)
    outputs = (
        jiwer.process_words(" ".join(reference), " ".join(hypothesis)),
        jiwer.process_characters("".join(reference), "".join(hypothesis)),
    )
    for output in outputs:
        expected = (output.substitutions, output.deletions, output.insertions, output.hits)
        assert naive.edit_operations(hypothesis, reference) == expected


def test_edit_operations_by_hand() -> None:
    assert naive.edit_operations([], []) == (0, 0, 0, 0)
    assert naive.edit_operations([], ["a", "b"]) == (0, 2, 0, 0)
    assert naive.edit_operations(["a", "b"], []) == (0, 0, 2, 0)
    reference = ["the", "cat", "sat", "down"]
    assert naive.edit_operations(["the", "bat", "sat"], reference) == (1, 1, 0, 2)
    assert naive.edit_operations(["oh", "the", "cat", "down"], reference) == (0, 1, 1, 3)
