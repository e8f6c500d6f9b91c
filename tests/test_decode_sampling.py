"""Sampling: kernels against slow twins, options, random streams."""

import math

import decode_helper_kernels as compiled
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive import decode as naive

from seqtool.decode.sampling import Sampler, SamplingOptions, random_state, sample
from seqtool.decode.types import Ids, Logits, Rows
from seqtool.errors import SeqtoolError

pytestmark = pytest.mark.kernel

few = settings(max_examples=60, deadline=None)

# Few different values, so that ties are common; -inf and NaN are ids that cannot come.
LOGITS = st.lists(
    st.sampled_from([-math.inf, math.nan, *(x / 2 for x in range(-8, 9))]), min_size=1, max_size=40
).filter(lambda logits: any(math.isfinite(x) for x in logits))


# --- parts ------------------------------------------------------------------------------------


def test_xoshiro_gives_the_published_numbers() -> None:
    words, numbers = np.zeros(10, np.int64), np.zeros(0)
    compiled.draw_numbers(np.array([1, 2, 3, 4]), words, numbers)
    assert words.tolist() == [
        641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295,
        495546011, 621204420,
    ]  # fmt: skip


@few
@given(st.lists(st.integers(0, 2**32 - 1), min_size=4, max_size=4).filter(any))
@example([2**32 - 1] * 4)
def test_random_numbers(state: list[int]) -> None:
    words, numbers = np.zeros(5, np.int64), np.zeros(5)
    place = np.array(state)
    compiled.draw_numbers(place, words, numbers)
    slow = naive.Random(state)
    assert words.tolist() == [slow.next() for _ in words]
    assert numbers.tolist() == [slow.uniform() for _ in numbers]
    assert place.tolist() == slow.s
    assert (numbers < 1).all()


def test_exponential() -> None:
    x = -np.concatenate([np.linspace(0, 3, 500), np.geomspace(1e-12, 707, 500)])
    out = np.zeros_like(x)
    compiled.exp_all(x, out)
    np.testing.assert_allclose(out, np.exp(x), rtol=1e-12)
    edge = np.array([0.0, -0.0, -708.5, -math.inf, math.nan])
    out = np.ones(5)
    compiled.exp_all(edge, out)
    assert out.tolist() == [1, 1, 0, 0, 0]


@few
@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.floats(0.01, 1.0))
@example([3] * 50, 0.5)
@example(list(range(50)), 0.5)
@example(list(range(50, 0, -1)), 1.0)
@example([0, 0, 1], 1.0)
def test_cut_value(numbers: list[int], share: float) -> None:
    falling = sorted(numbers, reverse=True)
    count = max(1, int(share * len(numbers)))
    x = np.array(numbers, float)
    assert compiled.cut(x, count, 1) == falling[count - 1]
    assert sorted(x.tolist(), reverse=True) == falling
    limit = max(share * sum(numbers), 0.5)
    expected = next((v for i, v in enumerate(falling) if sum(falling[: i + 1]) >= limit), None)
    found = compiled.cut(np.array(numbers, float), limit, 0)
    assert found == (falling[-1] if expected is None else expected)


@few
@given(st.lists(st.integers(0, 4), max_size=20), st.integers(0, 4), st.booleans())
def test_partition(numbers: list[int], pivot: int, with_equal: bool) -> None:
    x = np.array([9, *numbers, 9], float)
    place = compiled.divide(x, 1, len(x) - 1, pivot, int(with_equal)) - 1
    inside = x[1:-1].tolist()
    above = [v > pivot or (with_equal and v == pivot) for v in inside]
    assert above == [True] * place + [False] * (len(inside) - place)
    assert sorted(inside) == sorted(numbers)
    assert x[0] == x[-1] == 9


@pytest.mark.parametrize("count", [1, 3, 4, 31, 32, 33, 100])
def test_highest_and_total(count: int) -> None:
    numbers = np.random.default_rng(count).standard_normal(count)
    assert compiled.add(numbers) == pytest.approx(math.fsum(numbers), abs=1e-12)
    logits = numbers.astype(np.float32)
    for place in range(count):
        one = logits.copy()
        one[place] = 7
        assert compiled.maximum(one, np.empty(32)) == 7
    assert compiled.maximum(np.full(count, np.nan, np.float32), np.empty(32)) == -math.inf


@pytest.mark.parametrize("order", ["random", "rising", "falling", "equal", "impossible"])
def test_threshold_lets_enough_pass(order: str) -> None:
    logits = np.random.default_rng(1).standard_normal(1500).astype(np.float32)
    if order in ("rising", "falling"):
        logits = np.sort(logits)[:: 1 if order == "rising" else -1].copy()
    elif order == "equal":
        logits[:] = 2
    elif order == "impossible":
        logits[5:] = -np.inf
    found = compiled.threshold(logits, 20, np.empty(1500))
    assert (logits >= found).sum() >= (5 if order == "impossible" else 20)
    if order == "random":
        assert (logits >= found).sum() <= 40
    assert compiled.threshold(logits, 400, np.empty(1500)) == np.finfo(np.float32).min


# --- choosing ---------------------------------------------------------------------------------


@few
@given(
    logits=LOGITS,
    top_k=st.integers(0, 45),
    top_p=st.sampled_from([1e-9, 0.1, 0.37, 0.5, 0.9, 0.95, 1.0]),
    min_p=st.sampled_from([0.0, 0.01, 0.2, 1.0]),
    temperature=st.sampled_from([0.0, 1e-3, 0.7, 1.0, 3.0]),
    penalty=st.sampled_from([1.0, 1.3, 0.5]),
    data=st.data(),
)
def test_choose(
    logits: list[float], top_k: int, top_p: float, min_p: float, temperature: float,
    penalty: float, data: st.DataObject,
) -> None:  # fmt: skip
    ids = st.integers(0, len(logits) - 1)
    recent = data.draw(st.lists(ids, max_size=70))
    banned = data.draw(st.lists(ids, max_size=2))
    seed = data.draw(st.integers(0, 2**64))
    options = SamplingOptions(
        temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p,
        repetition_penalty=penalty, banned=banned, seed=seed,
    )  # fmt: skip
    sampler = Sampler(options, len(logits), [3])
    sampler.read(np.array(recent, np.int32))
    scores = np.array([logits], np.float32)
    before = scores.copy()
    changed = naive.penalized(logits, recent, penalty)
    if not any(math.isfinite(x) for i, x in enumerate(changed) if i not in banned):
        with pytest.raises(SeqtoolError, match="finite score"):
            sampler.choose(scores)
        return
    slow = naive.Random(random_state(seed, 3).tolist())
    changed = np.array(changed, np.float32).tolist()
    allowed = naive.kept(changed, top_k, top_p, min_p, banned)
    assert sampler.choose(scores).tolist() == [
        naive.drawn(changed, allowed, temperature, slow.uniform() if temperature else 0)
    ]
    np.testing.assert_array_equal(scores, before)


@pytest.mark.parametrize("top_k", [0, 5, 100])
@pytest.mark.parametrize("top_p", [0.6, 1.0])
def test_choose_from_many(top_k: int, top_p: float) -> None:
    generator = np.random.default_rng(top_k)
    logits = (generator.integers(-60, 60, (4, 1700)) / 8).astype(np.float32)
    sampler = Sampler(SamplingOptions(top_k=top_k, top_p=top_p), 1700, [0, 1, 2, 3])
    expected = []
    for stream, row in enumerate(logits.tolist()):
        number = naive.Random(random_state(1, stream).tolist()).uniform()
        allowed = naive.kept(row, top_k, top_p, 0, [])
        assert not top_k or len(allowed) <= top_k
        expected.append(naive.drawn(row, allowed, 1.0, number))
    assert sampler.choose(logits).tolist() == expected


def test_frequencies_are_the_probabilities() -> None:
    probabilities = np.array([0.5, 0.0, 0.3, 0.15, 0.05])
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities).astype(np.float32)
    rows = 3000
    sampler = Sampler(SamplingOptions(), 5, range(rows))
    counts = np.bincount(sampler.choose(np.tile(logits, (rows, 1))), minlength=5)
    deviation = np.sqrt(rows * probabilities * (1 - probabilities))
    assert (abs(counts - rows * probabilities) <= 4 * deviation).all()


def test_lowest_temperature() -> None:
    sampler = Sampler(SamplingOptions(temperature=5e-324), 4, range(50))
    logits = np.tile(np.array([-3e38, 2, 1.999, 2], np.float32), (50, 1))
    assert set(sampler.choose(logits).tolist()) == {1, 3}


@pytest.mark.parametrize("logits", [[math.nan, -math.inf], [math.inf, 1.0], [-math.inf] * 2])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_nothing_to_choose(logits: list[float], temperature: float) -> None:
    sampler = Sampler(SamplingOptions(temperature=temperature), 2, [0])
    with pytest.raises(SeqtoolError, match="finite score"):
        sampler.choose(np.array([logits], np.float32))


# --- sequences --------------------------------------------------------------------------------


class Chain:
    """A model whose next id depends on the last one."""

    vocab_size = 6

    def __init__(self) -> None:
        generator = np.random.default_rng(0)
        self.logits = generator.standard_normal((6, 6)).astype(np.float32)

    def start(self, rows: int) -> Rows:
        return np.zeros(rows, np.int64)

    def step(self, ids: Ids, state: Rows) -> tuple[Logits, Rows]:
        return self.logits[ids], state + 1

    def select(self, state: Rows, rows: Rows) -> Rows:
        return state[rows]


def draw(streams: list[int], seed: int = 1, penalty: float = 1.0, steps: int = 12) -> list[str]:
    """Sequences of the chain, each as digits."""
    sampler = Sampler(SamplingOptions(seed=seed, repetition_penalty=penalty), 6, streams)
    model = Chain()
    first = np.zeros(len(streams), np.int32)
    columns = sample(model, model.start(len(streams)), first, sampler)
    drawn = np.array([next(columns) for _ in range(steps)])
    return ["".join(map(str, column)) for column in drawn.T.tolist()]


def test_a_sequence_does_not_depend_on_the_others() -> None:
    together = draw([0, 1, 2, 3], penalty=1.2)
    assert together == [draw([stream], penalty=1.2)[0] for stream in range(4)]
    assert draw([3, 1], penalty=1.2) == [together[3], together[1]]
    assert len(set(together)) == 4
    assert together == draw([0, 1, 2, 3], penalty=1.2)
    assert together != draw([0, 1, 2, 3], penalty=1.2, seed=2)


def test_select() -> None:
    model, first = Chain(), np.zeros(3, np.int32)
    sampler = Sampler(SamplingOptions(repetition_penalty=1.5), 6, [0, 1, 2])
    sampler.choose(model.logits[first])
    sampler.select(np.array([2, 0]))
    alone = Sampler(SamplingOptions(repetition_penalty=1.5), 6, [2])
    alone.choose(model.logits[first[:1]])
    assert sampler.choose(model.logits[first[:2]])[0] == alone.choose(model.logits[first[:1]])[0]
    np.testing.assert_array_equal(sampler.recent[0], alone.recent[0])
    np.testing.assert_array_equal(sampler.random[0], alone.random[0])


def test_temperature_comes_last() -> None:
    """The nucleus and min-p look at probabilities of 0.88 and 0.12, not at nearly equal ones."""
    logits = np.tile(np.array([0, 2], np.float32), (50, 1))
    for options in (
        SamplingOptions(temperature=100, top_p=0.8),
        SamplingOptions(temperature=100, min_p=0.5),
    ):
        assert set(Sampler(options, 2, range(50)).choose(logits).tolist()) == {1}
    free = Sampler(SamplingOptions(temperature=100), 2, range(50)).choose(logits)
    assert set(free.tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("logits", "expected"), [([-0.25, -0.3], 1), ([0.3, 0.2], 1), ([0.3, 0.1], 0)]
)
def test_penalty_makes_any_logit_less_likely(logits: list[float], expected: int) -> None:
    sampler = Sampler(SamplingOptions(temperature=0, repetition_penalty=2), 2, [0])
    sampler.read(np.array([0, 0], np.int32))
    assert sampler.choose(np.array([logits], np.float32)).tolist() == [expected]


def test_penalty_looks_back_64_ids() -> None:
    logits = np.array([[1.0, 0.9]], np.float32)
    options = SamplingOptions(temperature=0, repetition_penalty=2)
    for others, expected in ((63, 1), (64, 0)):
        sampler = Sampler(options, 2, [0])
        sampler.read(np.array([0], np.int32))
        sampler.read(np.full(others, -1, np.int32))
        assert sampler.choose(logits).tolist() == [expected]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature": -1}, "temperature is -1, but must be at least 0"),
        ({"temperature": math.nan}, "temperature"),
        ({"temperature": math.inf}, "temperature"),
        ({"top_k": -1}, "top-k"),
        ({"top_p": 0}, "top-p"),
        ({"top_p": 1.1}, "top-p"),
        ({"min_p": 1.1}, "min-p"),
        ({"repetition_penalty": 0}, "repetition penalty"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_options(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(SeqtoolError, match=message):
        SamplingOptions(**wrong)  # type: ignore[arg-type]


def test_banned_id_outside_the_vocabulary() -> None:
    with pytest.raises(SeqtoolError, match="the id 6 is not in the vocabulary of 6"):
        Sampler(SamplingOptions(banned=[6]), 6, [0])
