"""The kernels of `seqtool sentiment` beside their naive twins."""

import pytest

np = pytest.importorskip("numpy")

from hypothesis import example, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from naive import sentiment as naive  # noqa: E402

from seqtool_sentiment.average_train import log_count_ratios  # noqa: E402
from seqtool_sentiment.feature_kernels import score_encoded  # noqa: E402
from seqtool_sentiment.features import Encoder, Plan, count_vocabulary, prepared  # noqa: E402
from seqtool_sentiment.task import Task  # noqa: E402
from seqtool_sentiment.train_kernels import train_texts  # noqa: E402

pytestmark = pytest.mark.kernel

PIECES = st.sampled_from(
    ["good", "bad", "n't", "don't", "it's", "'", "''", "o'n't", " ", "  ", "!", "...", "é", "日本",
     "a-b", "3.5", "\u00a0", "\u2019s", "😀", "t", "n", "\t", "A"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=6).map("".join)
PLANS = [Plan(1, 8, 0, 0), Plan(3, 16, 0, 0), Plan(2, 64, 2, 4), Plan(8, 4, 1, 1)]


def lowered(text: str) -> str:
    """What the kernels see of a text."""
    return prepared([text]).decode().removesuffix("\n")


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from(PLANS))
@example(["don't", "isn't it's 'n't n't x'y'z n't'"], Plan(2, 64, 2, 4))
def test_features(texts: list[str], plan: Plan) -> None:
    vocabulary = ["good", "n't", "!", "日", "do"]
    encoder = Encoder([word.encode() for word in vocabulary], plan)
    ids, starts = encoder.encode(texts, 1)
    for number, text in enumerate(texts):
        found = ids[starts[number] : starts[number + 1]].tolist()
        assert sorted(found) == sorted(naive.features(lowered(text), vocabulary, plan))


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_vocabulary(texts: list[str]) -> None:
    counts: dict[bytes, int] = {}
    for text in texts:
        for word in naive.words(lowered(text)):
            counts[word.encode()] = counts.get(word.encode(), 0) + 1
    assert count_vocabulary(texts, 1) == sorted(counts, key=lambda word: (-counts[word], word))
    assert count_vocabulary(texts, 2) == [
        word for word in count_vocabulary(texts, 1) if counts[word] >= 2
    ]


def test_contractions() -> None:
    text = "I DON\u2019T like it's 'rock n' roll', isn't"
    assert naive.words(lowered(text)) == [
        "i", "do", "n't", "like", "it", "s", "rock", "n", "roll", ",", "is", "n't",
    ]  # fmt: skip
    assert set(count_vocabulary([text], 1)) == {
        word.encode() for word in naive.words(lowered(text))
    }


@pytest.mark.parametrize("labels", [2, 3])
def test_scores(labels: int) -> None:
    rng = np.random.default_rng(labels)
    vocabulary, plan = ["good", "bad", "film"], Plan(2, 16, 0, 0)
    encoder = Encoder([word.encode() for word in vocabulary], plan)
    table = rng.standard_normal((encoder.rows, 5)).astype(np.float32)
    weights = rng.standard_normal((labels, 6)).astype(np.float32)
    texts = ["good film", "", "a bad film !", "\u2028"]
    expected = [
        naive.score(
            naive.features(text, vocabulary, plan), table.astype(float), weights.astype(float)
        )
        for text in texts
    ]
    np.testing.assert_allclose(encoder.score(texts, table, weights), expected, rtol=1e-5)
    ids, starts = encoder.encode(texts, 2)
    scores = np.empty((len(texts), labels), np.float32)
    score_encoded(
        ids, starts, table.reshape(-1), weights.reshape(-1), 5, labels,
        np.empty(5, np.float32), scores.reshape(-1),
    )  # fmt: skip
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


@pytest.mark.parametrize("first_row", [0, 2])
def test_training_steps(first_row: int) -> None:
    rng = np.random.default_rng(1)
    texts = [[0, 1, 1], [2], [], [3, 0, 4, 4]]
    ids = np.array([row for text in texts for row in text], np.int32)
    starts = np.cumsum([0, *map(len, texts)])
    wanted = np.array([0, 2, 1, 1], np.int32)
    table = rng.standard_normal((5, 4)).astype(np.float32)
    weights = rng.standard_normal((3, 5)).astype(np.float32)
    slow_table, slow_weights = table.astype(np.float64), weights.astype(np.float64)
    importance = np.array([1, 0.5, 2], np.float32)
    order = np.array([3, 0, 2, 1, 0])
    loss = np.zeros(2)
    train_texts(
        ids, starts, wanted, order, table.reshape(-1), weights.reshape(-1), 4, 3, first_row, 0.5,
        0.1, 0, importance, np.array([7]), np.empty(4, np.int32), np.empty(11, np.float32), loss,
    )  # fmt: skip
    expected = 0.0
    for at, text in enumerate(order.tolist()):
        label = int(wanted[text])
        rate = (0.5 - 0.4 * at / len(order)) * float(importance[label])
        step = naive.train_step(texts[text], label, slow_table, slow_weights, rate, first_row)
        expected += step * float(importance[label])
    np.testing.assert_allclose(table, slow_table, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(weights, slow_weights, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(loss, [expected, importance[wanted[order]].sum()], rtol=1e-5)


def test_log_count_ratios() -> None:
    texts = [[0, 1, 4], [1, 2], [], [3, 0, 0], [2]]
    wanted = np.array([0, 1, 1, 0, 0], np.int32)
    ids = np.array([row for text in texts for row in text], np.int32)
    starts = np.cumsum([0, *map(len, texts)])
    encoder = Encoder([b"a", b"b"], Plan(2, 4, 0, 0))
    task = Task(["x", "y"], [""] * 5, wanted, np.ones(2, np.float32), None)
    scales = np.array([4, 4, 1, 1, 1, 1])[:, None]
    expected = scales * naive.log_count_ratios(texts, wanted.tolist(), 6, 2, 2.0)
    assert expected[0, 0] > 0 > expected[2, 0]
    assert not expected[5].any()
    np.testing.assert_allclose(log_count_ratios(ids, starts, task, encoder), expected, rtol=1e-5)


def test_dropout_keeps_its_share() -> None:
    ids, starts = np.arange(2000, dtype=np.int32), np.array([0, 2000])
    table = np.zeros(2000, np.float32)
    train_texts(
        ids, starts, np.zeros(1, np.int32), np.zeros(1, np.int64), table,
        np.array([1, 0, -1, 0], np.float32), 1, 2, 0, 1.0, 1.0, int(0.75 * 2**32),
        np.ones(2, np.float32), np.array([99]), np.empty(2000, np.int32),
        np.empty(4, np.float32), np.zeros(2),
    )  # fmt: skip
    assert 400 < np.count_nonzero(table) < 600
