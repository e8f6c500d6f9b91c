"""Co-occurrences against their slow twin, whatever the memory and the threads."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import embedding_corpus as slow

from seqtool_train_embeddings.cooccurrence import Cooccurrences, count_cooccurrences

pytestmark = pytest.mark.kernel

WORDS = 6
SENTENCES = st.lists(st.lists(st.integers(0, WORDS - 1), min_size=1, max_size=9), max_size=6)


def stream(sentences: list[list[int]]) -> np.ndarray:
    """The corpus as `encode_corpus` writes it."""
    return np.array(slow.id_stream(sentences), np.int32)


def cells(table: Cooccurrences) -> dict[tuple[int, int], float]:
    """A table as a dict; no cell may stand in it twice."""
    rows = np.repeat(np.arange(table.words), np.diff(table.offsets))
    found = list(zip(rows.tolist(), table.columns.tolist(), strict=True))
    assert len(set(found)) == len(found) == table.cells
    return dict(zip(found, table.values.tolist(), strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder that all examples of a test share."""
    return str(tmp_path_factory.mktemp("cooccurrences"))


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("memory", [1 << 30, 16 * 7, 1])
@settings(max_examples=10, deadline=None)
@given(
    sentences=SENTENCES,
    window=st.sampled_from([1, 2, 5, 10, 40]),
    symmetric=st.booleans(),
    weighting=st.booleans(),
)
def test_counts(
    folder: str,
    sentences: list[list[int]],
    window: int,
    symmetric: bool,
    weighting: bool,
    memory: int,
    threads: int,
) -> None:
    table = count_cooccurrences(
        stream(sentences), WORDS, window, folder=folder, memory=memory, threads=threads,
        symmetric=symmetric, distance_weighting=weighting,
    )  # fmt: skip
    expected = slow.cooccurrences(sentences, window, symmetric, weighting)
    assert table.words == WORDS
    # Within 22 words sums are exact; beyond, a weight is off by 2**-33 at most.
    assert cells(table) == {pair: float(np.float32(float(x))) for pair, x in expected.items()}
    assert sorted(path.name for path in Path(folder).iterdir()) == ["columns", "offsets", "values"]


def test_the_same_bytes_for_any_memory_and_threads(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    sentences = [rng.zipf(1.5, 12).clip(1, 50).astype(int) - 1 for _ in range(40)]
    ids = stream([list(map(int, sentence)) for sentence in sentences])
    written = set()
    for number, (memory, threads) in enumerate([(1 << 30, 1), (1 << 30, 3), (3000, 2), (300, 1)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        count_cooccurrences(ids, 50, 4, folder=str(folder), memory=memory, threads=threads)
        written.add(b"".join(path.read_bytes() for path in sorted(folder.iterdir())))
    assert len(written) == 1


def test_the_smallest_tables(tmp_path: Path) -> None:
    table = count_cooccurrences(np.empty(0, np.int32), 3, 5, folder=str(tmp_path))
    assert (table.words, table.cells) == (3, 0)
    assert len(table.columns) == len(table.values) == 0
