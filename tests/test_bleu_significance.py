"""Resampling: the same draws, sums, scores, intervals and p-values as the reference tool."""

import random
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import naive
import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest

from seqtool_bleu import significance
from seqtool_bleu.bleu import Bleu
from seqtool_bleu.chrf import Chrf
from seqtool_bleu.error_rate import ErrorRate
from seqtool_bleu.resample_kernels import STEP, sum_picks
from seqtool_bleu.sample_scores import (
    bleu_samples,
    chrf_samples,
    error_rate_samples,
    ter_samples,
)
from seqtool_bleu.ter import Ter
from seqtool_bleu.tokenizers import tokenizer

Rows = Sequence[Sequence[float]]

SEED = 12345
BLEU_CHOICES = [
    {"smooth": "exp"},
    {"smooth": "none"},
    {"smooth": "floor"},
    {"smooth": "floor", "smooth_value": 0.05},
    {"smooth": "add-k"},
    {"smooth": "add-k", "smooth_value": 0.5},
    {"smooth": "exp", "effective_order": True},
    {"smooth": "none", "effective_order": True},
    {"smooth": "exp", "max_order": 2},
    {"smooth": "floor", "max_order": 6, "effective_order": True},
]


class Stats:
    """Statistics of a system, as the pipeline hands them over."""

    def __init__(self, name: str, rows: Rows) -> None:
        self.name = name
        self.segments = len(rows)
        self.stats = array("d", [float(number) for row in rows for number in row])
        self.total = [float(sum(column)) for column in zip(*rows, strict=True)]


def together(metric: Any) -> Callable[[Any], Any]:
    """The function that scores many rows of a metric."""
    if isinstance(metric, Bleu):
        return lambda sums: bleu_samples(
            sums, metric.max_order, metric.smooth, metric.smooth_value, metric.effective_order
        )
    if isinstance(metric, Chrf):
        return lambda sums: chrf_samples(sums, metric.orders, metric.beta, metric.eps_smoothing)
    return ter_samples if isinstance(metric, Ter) else error_rate_samples


class Fast:
    """A metric that scores many rows at once, whatever the class itself offers."""

    def __init__(self, metric: Any) -> None:
        self.score = metric.score
        self.score_samples = together(metric)


class Slow:
    """A metric that scores one row at a time."""

    def __init__(self, metric: Any) -> None:
        self.score = metric.score


def sentences(count: int, seed: int) -> list[str]:
    """Sentences of few words: matches, ties and empty lines are common."""
    rng = random.Random(seed)
    words = ["the", "a", "cat", "dog", "sat", "on", "mat", "."]
    return [" ".join(rng.choices(words, k=rng.randrange(9))) for _ in range(count)]


def noisy(lines: Sequence[str], seed: int, rate: float) -> list[str]:
    """The sentences with some words replaced."""
    rng = random.Random(seed)
    return [" ".join("x" if rng.random() < rate else w for w in line.split()) for line in lines]


def reference_rows(metric: Any, hypotheses: list[str], references: list[list[str]]) -> Rows:
    """What sacrebleu counts in each segment."""
    rows: Rows = metric._extract_corpus_statistics(hypotheses, references)
    return rows


METRICS: list[tuple[str, Any, Any]] = [
    ("bleu", BLEU(), Bleu(tokenizer("13a"))),
    ("bleu-floor", BLEU(smooth_method="floor"), Bleu(tokenizer("13a"), smooth="floor")),
    ("bleu-eff", BLEU(effective_order=True), Bleu(tokenizer("13a"), effective_order=True)),
    ("bleu-add-k", BLEU(smooth_method="add-k"), Bleu(tokenizer("13a"), smooth="add-k")),
    ("chrf", CHRF(), Chrf()),
    ("chrf++", CHRF(word_order=2), Chrf(word_order=2)),
    ("chrf-eps", CHRF(eps_smoothing=True, beta=3), Chrf(eps_smoothing=True, beta=3)),
    ("ter", TER(), Ter()),
]
every_metric = pytest.mark.parametrize(
    ("theirs", "ours"), [row[1:] for row in METRICS], ids=[row[0] for row in METRICS]
)


@pytest.fixture(autouse=True)
def _seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SACREBLEU_SEED", str(SEED))


# Draws


@pytest.mark.parametrize("segments", [1, 2, 3, 37, 64, 1002])
@pytest.mark.parametrize("budget", [1, 100, 5000])
def test_draws_in_chunks_are_the_draws_in_one(
    segments: int, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(significance, "CHUNK_DRAWS", budget)
    picks = np.concatenate(list(significance._picks(70, segments, SEED)))
    whole = np.random.default_rng(SEED).choice(segments, size=(70, segments), replace=True)
    assert (picks == whole).all()


@pytest.mark.parametrize("segments", [1, 2, 3, 37, 64, 1002])
@pytest.mark.parametrize("budget", [1, 5000])
def test_bits_of_words_are_the_random_booleans(
    segments: int, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(significance, "CHUNK_DRAWS", budget)
    trials = 200
    parts = []
    for count, words in significance._coin_flips(trials, segments, SEED):
        bits = np.unpackbits(words.view(np.uint8), bitorder="little")
        parts.append(bits[: count * segments].reshape(count, segments))
    drawn = np.concatenate(parts).astype(bool)
    whole = np.random.default_rng(SEED).integers(2, size=(trials, segments), dtype=bool)
    assert (drawn == whole).all()


# Kernels


@pytest.mark.kernel
@pytest.mark.parametrize("segments", [1, 5, 30])
def test_sums_of_picks(segments: int) -> None:
    rng = np.random.default_rng(1)
    rows = (rng.random((segments, 3)) * 100).astype(np.float32)
    picks = rng.integers(segments, size=(7, segments))
    sums = np.empty(7 * 3, dtype=np.float32)
    sum_picks(rows.ravel(), 3, picks.ravel(), segments, 7, sums)
    assert sums.reshape(7, 3).tolist() == naive.bootstrap_sums(rows.tolist(), picks.tolist())
    assert (sums.reshape(7, 3) == np.array([rows[row].sum(axis=0) for row in picks])).all()


@pytest.mark.kernel
@pytest.mark.parametrize("segments", [1, 3, STEP - 1, STEP, STEP + 1, 50, 32 * STEP + 5])
def test_sums_of_swaps(segments: int) -> None:
    rng = np.random.default_rng(2)
    base, other = rng.integers(50, size=(2, segments, 3)).astype(np.float64)
    trials = 5 if segments > 100 else 66
    ((count, bits),) = significance._coin_flips(trials, segments, SEED)
    moved = significance._swapped(base - other, bits, count)
    flips = np.random.default_rng(SEED).integers(2, size=(trials, segments), dtype=bool)
    first, second = naive.randomization_sums(base.tolist(), other.tolist(), flips.tolist())
    assert (other.sum(axis=0) + moved).tolist() == first
    assert (base.sum(axis=0) - moved).tolist() == second


# Scores of many rows


def random_sums(metric: Any, dtype: Any) -> Any:
    """Rows of plausible and of degenerate statistics: (rows, columns)."""
    rng = np.random.default_rng(3)
    rows = rng.integers(0, 60, size=(300, metric.columns)).astype(np.float64)
    rows[rng.random(rows.shape) < 0.25] = 0
    rows[0] = 0
    if isinstance(metric, Bleu):
        rows[:, 2:] = -np.sort(-rows[:, 2:], axis=1)
        matches = rows[:, 2 : 2 + metric.max_order]
        totals = rows[:, 2 + metric.max_order :]
        low, high = np.minimum(matches, totals), np.maximum(matches, totals)
        rows[:, 2 : 2 + metric.max_order], rows[:, 2 + metric.max_order :] = low, high
    return rows.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "metric",
    [
        *(Bleu(tokenizer("13a"), **choice) for choice in BLEU_CHOICES),
        Chrf(),
        Chrf(beta=1, word_order=2),
        Chrf(char_order=3, eps_smoothing=True),
        Ter(),
        ErrorRate("wer"),
    ],
    ids=lambda metric: f"{metric.label}-{metric.columns}",
)
def test_scores_of_many_rows_are_the_metrics_own(metric: Any, dtype: Any) -> None:
    sums = random_sums(metric, dtype)
    many = together(metric)(sums)
    single = np.array([metric.score(row) for row in sums])
    assert np.isfinite(many).all()
    if isinstance(metric, Chrf) and metric.eps_smoothing and dtype is np.float32:
        # An order that neither side has is Python arithmetic there, single precision here.
        assert np.allclose(many, single, rtol=1e-6, atol=0)
    else:
        assert many.dtype == single.dtype
        assert many.tolist() == single.tolist()


def test_scores_keep_ties() -> None:
    """The same sums give the same score wherever they stand."""
    sums = np.tile(random_sums(Bleu(tokenizer("13a")), np.float64)[:7], (9, 1))
    scores = bleu_samples(sums, 4, "exp", None, False).reshape(9, 7)
    assert (scores == scores[0]).all()


# Against sacrebleu


@every_metric
@pytest.mark.parametrize("size", [1, 7, 60])
def test_confidence_as_sacrebleu(theirs: Any, ours: Any, size: int) -> None:
    references = [sentences(size, 1), sentences(size, 2)]
    hypotheses = noisy(references[0], 3, 0.3)
    score = theirs.corpus_score(hypotheses, references, n_bootstrap=200)
    system = Stats("a", reference_rows(theirs, hypotheses, references))
    for metric in (Fast(ours), Slow(ours)):
        found = significance.confidence(metric, system, 200, SEED)  # type: ignore[arg-type]
        assert found.mean == pytest.approx(float(score._mean), abs=1e-9)
        assert found.half_width == pytest.approx(float(score._ci), abs=1e-9)


def their_test(kind: str, theirs: Any, systems: Any, references: Any, samples: int) -> Any:
    """What sacrebleu's paired test says of each system."""
    named = list(zip("abcdefg", systems, strict=False))
    test = PairedTest(named, {"m": theirs}, references, test_type=kind, n_samples=samples)
    return list(test()[1].values())[1]


@every_metric
@pytest.mark.parametrize("kind", ["bs", "ar"])
@pytest.mark.parametrize("size", [2, 5, 40])
def test_paired_tests_as_sacrebleu(theirs: Any, ours: Any, kind: str, size: int) -> None:
    references = [sentences(size, 4)]
    systems = [noisy(references[0], seed, rate) for seed, rate in ((1, 0.3), (2, 0.33), (3, 0.7))]
    expected = their_test(kind, theirs, systems, references, 150)
    stats = [Stats("s", reference_rows(theirs, lines, references)) for lines in systems]
    run = significance.paired_bootstrap if kind == "bs" else significance.paired_randomisation
    found = run(Fast(ours), stats, 150, SEED)  # type: ignore[arg-type]
    for mine, other, system in zip(found, expected, stats, strict=True):
        assert mine.score == pytest.approx(other.score, abs=1e-9)
        if kind == "bs":
            assert mine.mean == pytest.approx(float(other.mean), abs=1e-9)
            assert mine.half_width == pytest.approx(float(other.ci), abs=1e-9)
        else:
            assert mine.mean is mine.half_width is None
        if system is not stats[0] and system.stats == stats[0].stats:
            assert mine.p_value == 1.0
        else:
            assert mine.p_value == other.p_value


def test_the_p_values_of_these_tests_are_not_all_alike() -> None:
    references = [sentences(40, 4)]
    systems = [noisy(references[0], seed, rate) for seed, rate in ((1, 0.3), (2, 0.33), (3, 0.7))]
    p_values = [result.p_value for result in their_test("ar", BLEU(), systems, references, 150)]
    assert p_values[1] > 0.1
    assert p_values[2] < 0.1


@pytest.mark.real
@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_real_systems_as_sacrebleu(name: str, data: Any) -> None:
    folder = data / "mt-eval" / "wmt21-en-de"

    def read(part: str) -> list[str]:
        text = (folder / f"newstest2021.en-de.{part}.de").read_text(encoding="utf-8")
        return [line.rstrip() for line in text.removesuffix("\n").split("\n")][:300]

    _, theirs, ours = next(row for row in METRICS if row[0] == name)
    references = [read("ref.A")]
    names = ("BUPT_rush", "Facebook-AI", "Manifold", "NVIDIA-NeMo", "HuaweiTSC", "ICL")
    systems = [read(f"hyp.{system}") for system in names]
    stats = [Stats("s", reference_rows(theirs, lines, references)) for lines in systems]
    for kind, run, samples in (
        ("bs", significance.paired_bootstrap, 500),
        ("ar", significance.paired_randomisation, 1000),
    ):
        found = run(Fast(ours), stats, samples, SEED)  # type: ignore[arg-type]
        expected = their_test(kind, theirs, systems, references, samples)
        assert [r.p_value for r in found] == [r.p_value for r in expected]
        assert [r.mean or 0.0 for r in found] == pytest.approx(
            [float(r.mean or 0.0) for r in expected], abs=1e-9
        )


# What is ours


@pytest.fixture
def pair() -> list[Stats]:
    """Two systems of BLEU statistics that differ."""
    references = [sentences(50, 5)]
    lines = [noisy(references[0], 1, 0.3), noisy(references[0], 2, 0.4)]
    return [Stats("s", reference_rows(BLEU(), one, references)) for one in lines]


def metric_of_pair() -> Any:
    """The metric of `pair`."""
    return Fast(Bleu(tokenizer("13a")))


@pytest.mark.parametrize("run", [significance.paired_bootstrap, significance.paired_randomisation])
def test_a_system_does_not_differ_from_itself(run: Any, pair: list[Stats]) -> None:
    again = Stats("copy", [pair[0].stats[i : i + 10].tolist() for i in range(0, 500, 10)])
    results = run(metric_of_pair(), [pair[0], again, pair[1]], 100, SEED)
    assert results[0].p_value is None
    assert results[1].p_value == 1.0
    assert results[2].p_value < 1.0


@pytest.mark.parametrize("run", [significance.paired_bootstrap, significance.paired_randomisation])
def test_the_size_of_chunks_changes_nothing(
    run: Any, pair: list[Stats], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(metric_of_pair(), pair, 200, SEED)
    done: list[int] = []
    monkeypatch.setattr(significance, "CHUNK_DRAWS", 300)
    assert run(metric_of_pair(), pair, 200, SEED, done.append) == whole
    assert sum(done) == 200
    assert len(done) > 2


def test_no_seed_is_fresh_entropy(pair: list[Stats]) -> None:
    intervals = {significance.confidence(metric_of_pair(), pair[0], 50, None) for _ in range(3)}
    assert len(intervals) == 3


def test_results_are_plain_numbers(pair: list[Stats]) -> None:
    chrf = Stats("c", reference_rows(CHRF(), ["the cat"] * 9, [sentences(9, 1)]))
    interval = significance.confidence(Fast(Chrf()), chrf, 50, SEED)  # type: ignore[arg-type]
    assert [type(number) for number in interval] == [float, float]
    result = significance.paired_bootstrap(metric_of_pair(), pair, 50, SEED)[1]
    assert all(type(number) is float for number in result)
