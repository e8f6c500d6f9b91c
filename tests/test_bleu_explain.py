"""Explanations: the arithmetic against doing it slowly, the page as a person sees it."""

import io
import json
import time
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF, TER

from seqtool_bleu.bleu import Bleu
from seqtool_bleu.chrf import Chrf
from seqtool_bleu.error_rate import ErrorRate
from seqtool_bleu.explain import explain, perfect_rows, write_explanations
from seqtool_bleu.explain_text import bar, wrap
from seqtool_bleu.ter import Ter
from seqtool_bleu.tokenizers import tokenizer

REFERENCE = [
    "the cat sat on the mat today",
    "a dog barked at the old grey horse near the wide river this morning",
    "nobody answered the telephone",
    "the quick brown fox jumps over the lazy dog",
    "it rained",
]
FIRST = [
    "the cat sat on the mat today",
    "a dog barked at an old grey horse near the river this morning",
    "no one took the call",
    "the quick brown fox jumps over the lazy dog",
    "it rained",
]
SECOND = [
    "the cat sat on a mat",
    "a dog barked at the old grey horse near the wide river this morning",
    "nobody answered the telephone",
    "a fast brown fox leaps over the lazy dog",
    "it rained",
]


class Stats:
    """Statistics of a system, as the pipeline hands them over."""

    def __init__(self, name: str, rows: Sequence[Sequence[float]]) -> None:
        self.name = name
        self.segments = len(rows)
        self.stats = array("d", [float(number) for row in rows for number in row])
        self.total = [float(sum(column)) for column in zip(*rows, strict=True)]

    def table(self) -> Any:
        """(segments, columns)."""
        return np.frombuffer(self.stats).reshape(self.segments, -1)


class Hidden:
    """A metric of somebody else, of which only the base class is known."""

    name = "hidden"
    label = "Hidden"
    columns = 2
    higher_is_better = True

    def score(self, stats: Sequence[float]) -> float:
        """Mean of the first column."""
        return stats[0] / stats[1] if stats[1] else 0.0


METRICS: list[tuple[Any, Any]] = [
    (BLEU(), Bleu(tokenizer("13a"))),
    (BLEU(max_ngram_order=2), Bleu(tokenizer("13a"), max_order=2)),
    (CHRF(), Chrf()),
    (CHRF(word_order=2), Chrf("chrf++", word_order=2)),
    (TER(), Ter()),
]
every_metric = pytest.mark.parametrize(
    ("theirs", "metric"), METRICS, ids=lambda m: getattr(m, "name", "")
)


def stats(theirs: Any, lines: Sequence[str], name: str = "a.txt") -> Any:
    """Statistics of lines against `REFERENCE`."""
    return Stats(name, theirs._extract_corpus_statistics(lines, [REFERENCE]))


def page(found: Any, columns: int = 80, stream: io.StringIO | None = None) -> str:
    """The explanation as text."""
    stream = stream or io.StringIO()
    write_explanations([found], stream, columns=columns)
    return stream.getvalue()


def both(metric: Any = METRICS[0][1], theirs: Any = METRICS[0][0], top: int = 5) -> Any:
    """The explanation of two systems."""
    systems = [stats(theirs, FIRST), stats(theirs, SECOND, "b.txt")]
    return explain(metric, systems, [REFERENCE], [FIRST, SECOND], str.split, top)


@every_metric
def test_a_perfect_translation_counts_what_the_reference_counts(theirs: Any, metric: Any) -> None:
    found = perfect_rows(metric, stats(theirs, FIRST).table())
    assert found is not None
    assert found.tolist() == stats(theirs, REFERENCE).table().tolist()


def test_a_perfect_transcript_has_no_edits() -> None:
    found = perfect_rows(ErrorRate("wer"), np.array([[1.0, 2.0, 3.0, 4.0, 7.0]]))
    assert found is not None
    assert found.tolist() == [[0.0, 0.0, 0.0, 7.0, 7.0]]


@every_metric
def test_the_cost_of_a_segment(theirs: Any, metric: Any) -> None:
    system = stats(theirs, FIRST)
    found = explain(metric, [system], [REFERENCE], [FIRST], str.split)
    assert [segment.number for segment in found.segments] in ([3, 2], [2, 3])
    for segment in found.segments:
        mended = list(FIRST)
        mended[segment.number - 1] = REFERENCE[segment.number - 1]
        gain = metric.score(stats(theirs, mended).total) - metric.score(system.total)
        gain = gain if metric.higher_is_better else -gain
        assert segment.points == pytest.approx(gain, abs=1e-9)
    points = [segment.points for segment in found.segments]
    assert points == sorted(points, reverse=True)


def test_an_unknown_metric_leaves_segments_out() -> None:
    system: Any = Stats("a", [[1, 1], [0, 1], [0.5, 1]])
    metric: Any = Hidden()
    found = explain(metric, [system], [["x", "y", "z"]], [["x", "q", "r"]], str.split)
    assert [(s.number, s.points) for s in found.segments] == [(2, pytest.approx(0.25))]


@every_metric
def test_the_difference_of_a_segment(theirs: Any, metric: Any) -> None:
    found = both(metric, theirs)
    base = metric.score(stats(theirs, FIRST).total)
    assert {segment.number for segment in found.second_better} == {2, 3}
    assert {segment.number for segment in found.first_better} == {1, 4}
    for segment in found.second_better + found.first_better:
        mixed = list(FIRST)
        mixed[segment.number - 1] = SECOND[segment.number - 1]
        gain = metric.score(stats(theirs, mixed).total) - base
        gain = gain if metric.higher_is_better else -gain
        assert segment.points == pytest.approx(gain, abs=1e-9)
        assert (segment.points > 0) == (segment in found.second_better)


@every_metric
def test_the_score_of_a_length(theirs: Any, metric: Any) -> None:
    short = [0, 2, 3, 4]
    found = both(metric, theirs)
    assert [(b.first, b.last, b.segments) for b in found.by_length] == [(1, 9, 4), (10, 19, 1)]
    for lines, score in zip((FIRST, SECOND), found.by_length[0].scores, strict=True):
        rows = stats(theirs, lines).table()[short]
        assert score == pytest.approx(metric.score(rows.sum(axis=0).tolist()), abs=1e-9)


def test_precisions_of_a_length_are_matches_over_ngrams() -> None:
    system = stats(BLEU(), FIRST)
    found = explain(METRICS[0][1], [system], [REFERENCE], [FIRST], str.split)
    rows = system.table()[1]
    assert found.by_length[1].precisions == [
        [pytest.approx(100 * rows[2 + n] / rows[6 + n]) for n in range(4)]
    ]


def test_words_by_frequency() -> None:
    references = ["a a a b c", "a b d"]
    hypothesis = ["a a b x", "a a d e"]
    metric: Any = Hidden()
    systems: Any = [Stats("a", [[1, 1], [1, 1]])] * 2
    found = explain(metric, systems, [references], [hypothesis, references], str.split)
    once, twice, often = found.by_frequency
    assert (once.first, once.last, once.words) == (1, 1, 2)
    assert once.recall == [50.0, 100.0]
    assert once.precision == [100.0, 100.0]
    assert once.f1 == [pytest.approx(200 / 3), 100.0]
    assert (twice.first, twice.words, twice.recall[0]) == (2, 2, 50.0)
    # "a" is in the reference 3 + 1 times, said 2 + 2 times, found 2 + 1 times.
    assert (often.first, often.last, often.words) == (3, 4, 4)
    assert (often.recall[0], often.precision[0]) == (75.0, 75.0)


def test_missing_references_and_empty_lines() -> None:
    references: list[list[str | None]] = [[None, "x y", ""], ["p q", "z", ""]]
    metric: Any = Hidden()
    system: Any = Stats("a", [[0, 1], [0.5, 1], [1, 1]])
    found = explain(metric, [system], references, [["p", "x", ""]], str.split)
    assert found.segments[0].reference == "p q"
    assert [(b.first, b.segments) for b in found.by_length] == [(0, 3)]
    assert "p q" in page(found)


def test_json() -> None:
    stream = io.StringIO()
    write_explanations([both()], stream, "json")
    found = json.loads(stream.getvalue(), parse_constant=pytest.fail)
    assert found["metric"] == "BLEU"
    assert found["systems"] == ["a.txt", "b.txt"]
    assert len(found["scores"]) == 2
    assert found["segments"] == []
    assert set(found["second_better"][0]) == {
        "number",
        "points",
        "lengths",
        "reference",
        "hypotheses",
    }
    assert set(found["by_length"][0]) == {"first", "last", "segments", "scores", "precisions"}
    assert set(found["by_frequency"][0]) == {
        "first",
        "last",
        "words",
        "recall",
        "precision",
        "f1",
    }


def test_several_metrics() -> None:
    found = [both(), both(Ter(), TER())]
    stream = io.StringIO()
    write_explanations(found, stream, "json")
    assert [row["metric"] for row in json.loads(stream.getvalue())] == ["BLEU", "TER"]
    stream = io.StringIO()
    write_explanations(found, stream, columns=80)
    assert stream.getvalue() == page(found[0]) + "\n\n" + page(found[1])


def test_the_page_of_one_system() -> None:
    found = explain(METRICS[0][1], [stats(BLEU(), FIRST)], [REFERENCE], [FIRST], str.split, 1)
    assert page(found) == (
        "BLEU 72.27   a.txt\n"
        "\n"
        "Segments that cost most\n"
        "BLEU points that a perfect translation of the segment would gain\n"
        "\n"
        "  16.94   line 2   words: ref 14, hyp 13\n"
        "  ref   a dog barked at the old grey horse near the wide river this morning\n"
        "  hyp   a dog barked at an old grey horse near the river this morning\n"
        "\n"
        "By length\n"
        "words in the reference; n-gram precisions in per cent\n"
        "\n"
        "  words  segments   BLEU                    1-gram  2-gram  3-gram  4-gram\n"
        "    1-9         4  81.20  ████████████████    82.6    78.9    80.0    83.3\n"
        "  10-19         1  53.72  ██████████▋         92.3    75.0    54.5    30.0\n"
    )


def test_the_page_of_two_systems() -> None:
    text = page(both())
    for part in (
        "A   BLEU 72.27   a.txt",
        "B   BLEU 74.22   b.txt",
        "Segments where B is better\nBLEU points that B's translation of the",
        "translation of the segment would gain for A",
        "Segments where A is better\nBLEU points that B's translation of the",
        "translation of the segment would lose for A",
        "  A     no one took the call",
        "  words  segments      A",
        "B - A",
        "Rare and frequent words",
    ):
        assert part in text


def test_an_error_rate_gains_by_falling() -> None:
    text = page(both(Ter(), TER()))
    assert "TER points that B's translation of the segment would take away for A" in text
    assert "TER points that B's translation of the segment would add for A" in text


def test_equal_systems_have_no_segments_to_show() -> None:
    systems = [stats(BLEU(), FIRST), stats(BLEU(), FIRST)]
    found = explain(METRICS[0][1], systems, [REFERENCE], [FIRST, FIRST], str.split)
    assert found.second_better == found.first_better == []
    assert page(found).count("\n  none\n") == 2


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_the_page_keeps_to_its_width(columns: int) -> None:
    for line in page(both(), columns).split("\n"):
        assert len(line) <= max(columns, 50)


def test_colour_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b" not in page(both())
    assert "\x1b[31mtook\x1b[0m" in page(both(), stream=Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in page(both(), stream=Terminal())


def test_text_cannot_command_the_terminal() -> None:
    lines = [*FIRST[:2], "\x1b[31mred \x07bell\x9b", *FIRST[3:]]
    found = explain(METRICS[0][1], [stats(BLEU(), lines)], [REFERENCE], [lines], str.split)
    assert not {"\x1b", "\x07", "\x9b"} & set(page(found))


def test_wrapping() -> None:
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("abcdefgh ij", 3) == ["abc", "def", "gh", "ij"]
    assert wrap("你好世界", 5) == ["你好", "世界"]
    assert wrap("", 5) == [""]


def test_bars() -> None:
    assert bar(1.0, 1.0, 3) == "███"
    assert bar(0.5, 1.0, 1) == "▌"
    assert bar(0.0, 1.0, 3) == bar(1.0, 0.0, 3) == ""
    assert bar(-1.0, 1.0, 3) == ""


def test_a_large_corpus_takes_no_time() -> None:
    copies = 6000
    rows = stats(BLEU(), FIRST).stats.tolist() * copies
    system: Any = Stats("a", [rows[i : i + 10] for i in range(0, len(rows), 10)])
    start = time.perf_counter()
    found = explain(METRICS[0][1], [system], [REFERENCE * copies], [FIRST * copies], str.split)
    assert time.perf_counter() - start < 5
    assert found.segments[0].number == 2
    assert 0 < found.segments[0].points < 0.01
    assert f"{found.segments[0].points:.4f}" in page(found)
