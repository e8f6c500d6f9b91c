"""`seqtool bleu` against sacrebleu: the same scores to 1e-9 and the same signatures."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from bleu_batches import metric, rows, total
from conftest import RunCli
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import corpora

from seqtool_bleu.metric import Metric
from seqtool_bleu.run import _signature

pytest.importorskip("sacrebleu")

from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.metrics.base import Metric as PeerMetric

Lines = list[str]

TOKENIZERS = ("none", "13a", "intl", "zh", "char")
SMOOTHINGS: list[tuple[str, float | None]] = [
    ("exp", None),
    ("floor", None),
    ("floor", 0.0),
    ("floor", 0.5),
    ("add-k", None),
    ("add-k", 0.3),
    ("add-k", 2.0),
    ("none", None),
]
BOTH = (False, True)


class Scores(NamedTuple):
    """What a program says about a corpus; the signature without its version."""

    corpus: float
    segments: list[float]
    signature: str


def close(value: Any) -> Any:
    """Equal to 1e-9."""
    return pytest.approx(value, rel=0, abs=1e-9)


def peer_stats(peer: PeerMetric, hypotheses: Lines, streams: Sequence[Sequence[str | None]]) -> Any:
    """sacrebleu's numbers of every segment, of lines as its command reads them."""
    references = [[None if x is None else x.rstrip() for x in stream] for stream in streams]
    peer._force = True  # no remark about text that was tokenized before
    return peer._extract_corpus_statistics([line.rstrip() for line in hypotheses], references)


def peer_scores(peer: PeerMetric, stats: Any, references: int = -1) -> Scores:
    """sacrebleu's scores. ``references`` is needed where another object made ``stats``."""
    if references > 0:
        peer.num_refs = references
    return Scores(
        peer._aggregate_and_compute(stats).score,
        [peer._compute_score_from_stats(row).score for row in stats],
        without_version(peer.get_signature().format()),
    )


def without_version(signature: str) -> str:
    """The signature up to the value of its last field."""
    head, _, version = signature.rpartition("|version:")
    assert head
    assert version
    return head


def our_scores(ours: Metric, counted: list[list[float]], references: int) -> Scores:
    """What our classes make of counted numbers."""
    options = {"paired_ar": False, "confidence": False, "paired_bootstrap": False}
    corpus: Any = SimpleNamespace(references=str(references))
    signature = without_version(_signature(ours, corpus, options))
    return Scores(ours.score(total(counted)), [ours.score(row) for row in counted], signature)


def agree(ours: Scores, theirs: Scores) -> None:
    """The two are the same."""
    assert ours.signature == theirs.signature
    assert ours.corpus == close(theirs.corpus)
    assert ours.segments == close(theirs.segments)


def compare(ours: Metric, peer: PeerMetric, hypotheses: Lines, streams: list[Lines]) -> None:
    """Count and score on both sides."""
    theirs = peer_scores(peer, peer_stats(peer, hypotheses, streams))
    agree(our_scores(ours, rows(ours, hypotheses, streams), len(streams)), theirs)


# --- pairs of metrics -------------------------------------------------------------------------

Make = Callable[[], tuple[Metric, PeerMetric]]


def bleu_pair(
    tokenize: str, smooth: tuple[str, float | None], lowercase: bool, order: int, effective: bool
) -> tuple[Metric, PeerMetric]:
    """Both sides' BLEU."""
    ours = metric(
        "bleu",
        tokenize=tokenize,
        smooth=smooth[0],
        smooth_value=smooth[1],
        lowercase=lowercase,
        max_order=order,
        effective_order=effective,
    )
    return ours, BLEU(
        tokenize=tokenize,
        smooth_method=smooth[0],
        smooth_value=smooth[1],
        lowercase=lowercase,
        max_ngram_order=order,
        effective_order=effective,
    )


def chrf_pair(
    chars: int, words: int, beta: int, lowercase: bool, whitespace: bool, eps: bool
) -> tuple[Metric, PeerMetric]:
    """Both sides' chrF."""
    ours = metric(
        "chrf",
        chrf_char_order=chars,
        chrf_word_order=words,
        chrf_beta=beta,
        lowercase=lowercase,
        chrf_whitespace=whitespace,
        chrf_eps_smoothing=eps,
    )
    return ours, CHRF(chars, words, beta, lowercase, whitespace, eps)


def ter_pair(normalized: bool, no_punct: bool, asian: bool, case: bool) -> tuple[Metric, Any]:
    """Both sides' TER."""
    ours = metric(
        "ter",
        ter_normalized=normalized,
        ter_no_punct=no_punct,
        ter_asian_support=asian,
        ter_case_sensitive=case,
    )
    return ours, TER(normalized, no_punct, asian, case)


chrf_options = st.tuples(
    st.integers(1, 7), st.integers(0, 3), st.integers(1, 4), *[st.booleans()] * 3
)
ter_options = st.tuples(*[st.booleans()] * 4)
bleu_options = st.tuples(
    st.sampled_from(TOKENIZERS),
    st.sampled_from(SMOOTHINGS),
    st.booleans(),
    st.integers(1, 6),
    st.booleans(),
)


# --- random text ------------------------------------------------------------------------------


@pytest.mark.parametrize("references", [1, 3])
@settings(max_examples=250, deadline=None)
@given(data=st.data(), bleu=bleu_options, chrf=chrf_options, ter=ter_options)
def test_random_pairs(references: int, data: st.DataObject, bleu: Any, chrf: Any, ter: Any) -> None:
    """250 times four segments: by the default options, and by options drawn."""
    hypotheses, streams = data.draw(corpora(references, min_lines=4, max_lines=4))
    pairs = [
        bleu_pair("13a", ("exp", None), False, 4, False),
        bleu_pair(*bleu),
        (metric("chrf"), CHRF()),
        (metric("chrf++"), CHRF(word_order=2)),
        chrf_pair(*chrf),
        (metric("ter"), TER()),
        ter_pair(*ter),
    ]
    for ours, peer in pairs:
        compare(ours, peer, hypotheses, streams)


@settings(max_examples=100, deadline=None)
@given(corpus=corpora(references=3, min_lines=2), drops=st.lists(st.integers(0, 6)))
def test_missing_references(corpus: tuple[Lines, list[Lines]], drops: list[int]) -> None:
    hypotheses, streams = corpus
    missing = [number % 3 if number < 6 else None for number in (*drops, 6, 1, 6, 2, 6, 0)]
    lines = range(len(hypotheses))
    present = [[missing[s] != r for s in lines] for r in range(3)]
    theirs: list[list[str | None]] = [
        [line if flag else None for line, flag in zip(stream, flags, strict=True)]
        for stream, flags in zip(streams, present, strict=True)
    ]
    for ours, peer in (
        (metric("bleu"), BLEU()),
        (metric("chrf"), CHRF()),
        (metric("ter"), TER()),
    ):
        expected = peer_scores(peer, peer_stats(peer, hypotheses, theirs))
        counted = our_scores(ours, rows(ours, hypotheses, streams, present), 3)
        agree(counted._replace(signature=expected.signature), expected)


@pytest.mark.parametrize("end", ["", ".", ",", "!", " .", "..5", "\x85x"])
def test_ter_normalizes_references_twice(end: str) -> None:
    for options in product(BOTH, repeat=3):
        compare(*ter_pair(True, *options), [f"Is it anna's{end}"], [[f"Was it Anna's{end}"]])


@pytest.mark.parametrize("whole", ["Hello, world. It's 5.5!", "ΑΣ ΟΔΟΣ", "你好，世界。1.5"])
def test_the_command_on_a_line(tmp_path: Path, run_cli: RunCli, whole: str) -> None:
    """The command itself: every tokenizer, both sides' text output."""
    (tmp_path / "ref").write_text(f"{whole}\n{whole}x\n", encoding="utf-8")
    (tmp_path / "hyp").write_text(f"{whole.lower()}\n\n", encoding="utf-8")
    for tokenize in TOKENIZERS:
        result = run_cli(
            "bleu", "--tokenize", tokenize, "--width", "9", tmp_path / "ref", tmp_path / "hyp"
        )
        peer = BLEU(tokenize=tokenize)
        score = peer.corpus_score([whole.lower(), ""], [[whole, f"{whole}x"]])
        ours, _, text = result.out.rstrip("\n").partition(" = ")
        assert without_version(ours) == f"BLEU|{without_version(peer.get_signature().format())}"
        assert text == f"{score.score:.9f} {score._verbose}"


# --- real text --------------------------------------------------------------------------------

SYSTEMS = ("BUPT_rush", "Facebook-AI", "HuaweiTSC", "ICL", "Manifold", "NVIDIA-NeMo")
GRID_LINES = 100
SOME_LINES = 300  # sacrebleu takes seconds for a whole system


class News(NamedTuple):
    """WMT 2021, English to German."""

    folder: Path

    def path(self, part: str) -> Path:
        """The file of ``ref.A``, ``hyp.ICL``, ..."""
        return self.folder / f"newstest2021.en-de.{part}.de"

    def lines(self, part: str, count: int | None = None) -> Lines:
        """The first lines of a file."""
        return read(self.path(part))[:count]

    def references(self, count: int, lines: int | None = None) -> list[Lines]:
        """The lines of one or three references."""
        return [self.lines(f"ref.{name}", lines) for name in "ACD"[:count]]


def read(path: Path) -> Lines:
    """Lines as ``wc -l`` counts them."""
    return path.read_bytes().decode().removesuffix("\n").split("\n")


@pytest.fixture
def news(data: Path) -> News:
    """WMT 2021, English to German."""
    return News(data / "mt-eval" / "wmt21-en-de")


PEERS: dict[str, Callable[[], PeerMetric]] = {
    "bleu": BLEU,
    "chrf": CHRF,
    "chrf++": lambda: CHRF(word_order=2),
    "ter": TER,
}


@pytest.mark.real
@pytest.mark.parametrize("references", [1, 3])
@pytest.mark.parametrize("name", PEERS)
def test_news(news: News, run_cli: RunCli, tmp_path: Path, name: str, references: int) -> None:
    """All six systems through the command, corpus and segments, by the default options."""
    for system in SYSTEMS:
        whole = name == "bleu" or (system == SYSTEMS[0] and references == 1)
        count = None if whole else SOME_LINES // references
        files = [tmp_path / "hyp", *(tmp_path / f"ref{n}" for n in range(references))]
        texts = [news.lines(f"hyp.{system}", count), *news.references(references, count)]
        for path, lines in zip(files, texts, strict=True):
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        peer = PEERS[name]()
        theirs = peer_scores(peer, peer_stats(peer, texts[0], texts[1:]))
        arguments = ("bleu", "--metric", name, *files[1:], files[0])
        corpus = json.loads(run_cli(*arguments, "--format", "json").out)
        assert without_version(corpus["signature"]) == theirs.signature
        assert corpus["score"] == close(theirs.corpus)
        assert corpus["segments"] == len(texts[0])
        segments = run_cli(*arguments, "--sentence", "--format", "jsonl").out.split("\n")[:-1]
        if name == "bleu":
            effective = BLEU(effective_order=True)
            theirs = peer_scores(effective, peer_stats(effective, texts[0], texts[1:]))
        assert [json.loads(line)["score"] for line in segments] == close(theirs.segments)


@pytest.mark.real
@pytest.mark.parametrize("references", [1, 3])
@pytest.mark.parametrize("tokenize", TOKENIZERS)
def test_news_with_every_option_of_bleu(news: News, tokenize: str, references: int) -> None:
    hypotheses = news.lines("hyp.ICL", GRID_LINES)
    streams = news.references(references, GRID_LINES)
    for lowercase, order in product(BOTH, (1, 2, 4, 6)):
        first, peer = bleu_pair(tokenize, SMOOTHINGS[0], lowercase, order, False)
        counted = rows(first, hypotheses, streams)
        stats = peer_stats(peer, hypotheses, streams)
        for smooth, effective in product(SMOOTHINGS, BOTH):
            ours, peer = bleu_pair(tokenize, smooth, lowercase, order, effective)
            agree(our_scores(ours, counted, references), peer_scores(peer, stats, references))


@pytest.mark.real
@pytest.mark.parametrize("references", [1, 3])
def test_news_with_every_option_of_chrf(news: News, references: int) -> None:
    hypotheses = news.lines("hyp.ICL", GRID_LINES // 4)
    streams = news.references(references, GRID_LINES // 4)
    orders = ((6, 0), (6, 1), (6, 2), (1, 0), (3, 3))
    for (chars, words), beta, *flags in product(orders, (1, 2, 3), BOTH, BOTH, BOTH):
        compare(*chrf_pair(chars, words, beta, *flags), hypotheses, streams)


@pytest.mark.real
@pytest.mark.parametrize("references", [1, 3])
def test_news_with_every_option_of_ter(news: News, references: int) -> None:
    hypotheses = news.lines("hyp.ICL", GRID_LINES // 4)
    streams = news.references(references, GRID_LINES // 4)
    for options in product(BOTH, repeat=4):
        compare(*ter_pair(*options), hypotheses, streams)


def captions(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Every file of image captions as a translation of every other of its set, and of itself."""
    for part in ("test2016", "val", "train"):
        names = [folder / f"{part}.{language}" for language in ("de", "en", "fr")]
        yield from product(names, names)


@pytest.mark.real
@pytest.mark.parametrize("name", PEERS)
def test_captions(data: Path, name: str) -> None:
    """All nine files of captions, paired across."""
    for reference, hypothesis in captions(data / "parallel" / "multi30k"):
        whole = name == "bleu" and reference.stem == "test2016"
        count = None if whole else 100
        hypotheses, streams = read(hypothesis)[:count], [read(reference)[:count]]
        compare(metric(name), PEERS[name](), hypotheses, streams)


def test_the_peer_is_the_one_that_is_named() -> None:
    assert sys.modules["sacrebleu"].__version__.startswith("2.6.")
