"""The search of `seqtool analogy` against slow references, numpy and gensim."""

from pathlib import Path

import pytest
from naive import analogy as naive

np = pytest.importorskip("numpy")

from seqtool.vectors import WordVectors, save_vectors  # noqa: E402
from seqtool.vectors import search as search_module  # noqa: E402
from seqtool.vectors.evaluation import (  # noqa: E402
    Evaluation,
    pearson,
    ranks,
    spearman,
)
from seqtool.vectors.search import Search  # noqa: E402
from seqtool.vectors.search_kernels import PRODUCT, STEP, SUM, best_words  # noqa: E402

METRICS = ["cosine", "euclidean", "mul"]


def make_vectors(count: int = 60, dimensions: int = 8, seed: int = 0) -> WordVectors:
    """Vectors of different lengths."""
    generator = np.random.default_rng(seed)
    matrix = generator.standard_normal((count, dimensions)) * generator.uniform(0.5, 2, (count, 1))
    return WordVectors([f"w{i}" for i in range(count)], matrix.astype(np.float32))


# --- the kernel -------------------------------------------------------------------------------


@pytest.mark.kernel
@pytest.mark.parametrize("how", [SUM, PRODUCT])
@pytest.mark.parametrize("top", [1, 3, 50])
@pytest.mark.parametrize("widths", [[40], [7, 20, 13], [STEP + 9]])
def test_kernel(how: int, top: int, widths: list[int]) -> None:
    generator = np.random.default_rng(top)
    count, terms, questions = sum(widths), 5, 6
    # Few different values: ties are common.
    table = (generator.integers(1, 5, (terms, count)) / 4).astype(np.float32)
    offsets = (generator.integers(0, 3, count) / 8).astype(np.float32)
    groups = generator.integers(0, count, count).astype(np.int32)
    rows = generator.integers(0, terms, (questions, 3)).astype(np.int32)
    excluded = generator.choice(np.append(groups, -1), (questions, 3)).astype(np.int32)
    scores = np.full((questions, top), -np.inf, np.float32)
    words = np.full((questions, top), -1, np.int32)
    first = 0
    for width in widths:
        block = np.ascontiguousarray(table[:, first : first + width])
        for begin, end in ((0, 2), (2, questions)):
            best_words(
                how, block.reshape(-1), width, first, offsets, 0.5, groups,
                rows.reshape(-1), excluded.reshape(-1), begin, end, top,
                scores.reshape(-1), words.reshape(-1),
            )  # fmt: skip
        first += width
    for q in range(questions):
        expected = naive.best_words(
            how, table, offsets, 0.5, groups.tolist(), tuple(rows[q]),
            tuple(excluded[q].tolist()), top,
        )  # fmt: skip
        found = int((words[q] >= 0).sum())
        assert found == len(expected)
        assert words[q, :found].tolist() == [word for word, _ in expected]
        assert scores[q, :found].tolist() == pytest.approx([s for _, s in expected])


# --- the search -------------------------------------------------------------------------------


@pytest.mark.kernel
@pytest.mark.parametrize("metric", METRICS)
def test_search(metric: str) -> None:
    vectors = make_vectors()
    generator = np.random.default_rng(1)
    questions = generator.integers(0, len(vectors), (12, 3)).astype(np.int32)
    questions[0] = 5  # a question of one word three times
    groups = (np.arange(len(vectors)) // 2).astype(np.int32)
    words, scores = Search(vectors, metric, groups=groups).best(questions, 4)
    for question, row, values in zip(questions, words, scores, strict=True):
        expected = naive.answers(metric, vectors.matrix, groups, tuple(question), 4)
        assert row.tolist() == [word for word, _ in expected]
        assert values.tolist() == pytest.approx([s for _, s in expected], abs=1e-5)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("threads", [1, 3])
def test_blocks_change_nothing(metric: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = make_vectors(700, seed=3)
    questions = np.random.default_rng(2).integers(0, 700, (90, 3)).astype(np.int32)
    expected = Search(vectors, metric).best(questions, 5)
    monkeypatch.setattr(search_module, "TABLE_NUMBERS", 1000)
    monkeypatch.setattr(search_module, "MOST_TERMS", 30)
    monkeypatch.setattr(search_module, "QUESTIONS_A_TASK", 4)
    words, scores = Search(vectors, metric, threads=threads).best(questions, 5)
    assert (words == expected[0]).all()
    assert np.allclose(scores, expected[1], atol=1e-5)


def test_neighbours_are_questions_of_one_word() -> None:
    vectors = make_vectors()
    for metric in ("cosine", "euclidean"):
        words, scores = Search(vectors, metric).best(np.array([[-1, 7, -1]], np.int32), 3)
        expected = naive.answers(metric, vectors.matrix, range(60), (-1, 7, -1), 3)
        assert words[0].tolist() == [word for word, _ in expected]
        assert scores[0].tolist() == pytest.approx([s for _, s in expected], abs=1e-5)


def test_extra_vectors_are_no_answers() -> None:
    vectors = make_vectors()
    extra = vectors.matrix[7:8] * 1.5  # stands for a word that only its subwords know
    words, scores = Search(vectors, "cosine", extra).best(np.array([[-1, 60, -1]], np.int32), 2)
    assert words[0, 0] == 7
    assert scores[0, 0] == pytest.approx(1)


def test_fewer_words_than_wanted_and_zero_vectors() -> None:
    vectors = WordVectors(["a", "b", "c", "d"], np.zeros((4, 3), np.float32))
    words, scores = Search(vectors, "cosine").best(np.array([[0, 1, 2]], np.int32), 3)
    assert words.tolist() == [[3, -1, -1]]
    assert scores[0, 0] == 0


# --- eval -------------------------------------------------------------------------------------

CASES = ["king", "King", "QUEEN", "queen", "Man", "woman", "man", "PARIS", "rome", "Rome", "x", "y"]


def write_questions(path: Path, generator: "np.random.Generator", words: list[str]) -> Path:
    """A file of random questions in four sections."""
    lines = []
    for name in ("capital", "family", "gram1-x", "gram2-y"):
        lines.append(f": {name}")
        for _ in range(80):
            lines.append(" ".join(generator.choice([*words, "unknown"], 4)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("fold_case", [True, False])
@pytest.mark.parametrize("vocab", [8, 12])
def test_eval_is_gensims(tmp_path: Path, fold_case: bool, vocab: int) -> None:
    gensim = pytest.importorskip("gensim.models", exc_type=ImportError)
    generator = np.random.default_rng(vocab)
    matrix = generator.standard_normal((len(CASES), 3)).astype(np.float32)
    vectors = WordVectors(CASES[:vocab], matrix[:vocab])
    save_vectors(str(tmp_path / "all.bin"), WordVectors(CASES, matrix))
    questions = write_questions(tmp_path / "questions.txt", generator, CASES)
    peer = gensim.KeyedVectors.load_word2vec_format(str(tmp_path / "all.bin"), binary=True)
    _, expected = peer.evaluate_word_analogies(
        str(questions), restrict_vocab=vocab, case_insensitive=fold_case
    )
    evaluation = Evaluation(vectors, fold_case)
    evaluation.read(str(questions))
    evaluation.answer("cosine")
    rows = {row["section"]: row for row in evaluation.rows()}
    rows["Total accuracy"] = rows.pop("total")
    for section in expected:
        row = rows[section["section"]]
        # A word of the question itself is never right here; gensim takes it as a last resort.
        own = [q for q in section["correct"] if q[3] in q[:3]]
        assert row["correct"] == len(section["correct"]) - len(own)
        assert row["questions"] == len(section["correct"]) + len(section["incorrect"])
    assert rows["semantic"]["correct"] == rows["capital"]["correct"] + rows["family"]["correct"]
    assert rows["syntactic"]["questions"] == (
        rows["gram1-x"]["questions"] + rows["gram2-y"]["questions"]
    )


@pytest.mark.real
def test_eval_of_the_real_questions(data: Path) -> None:
    gensim = pytest.importorskip("gensim.models", exc_type=ImportError)
    path = data / "words" / "questions-words.txt"
    found = {w for line in path.read_text("utf-8").split("\n") for w in line.split()}
    words = sorted(found)[:400]
    generator = np.random.default_rng(5)
    # A few directions only, so that many questions are answered rightly.
    matrix = generator.integers(-2, 3, (len(words), 3)) + generator.normal(0, 0.1, (len(words), 3))
    vectors = WordVectors(words, matrix.astype(np.float32))
    peer = gensim.KeyedVectors(3)
    peer.add_vectors(words, vectors.matrix)
    score, _ = peer.evaluate_word_analogies(str(path))
    evaluation = Evaluation(vectors, fold_case=True)
    evaluation.read(str(path))
    evaluation.answer("cosine", threads=2)
    total = evaluation.rows()[-1]
    assert total["questions"] > 500
    assert total["accuracy"] == pytest.approx(100 * score, abs=0.1)


# --- correlations -----------------------------------------------------------------------------


def test_correlations() -> None:
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 9, 50).astype(float), generator.standard_normal(50)
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y)[0])
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y)[0])
    assert ranks(x).tolist() == (stats.rankdata(x) - 1).tolist()
    assert np.isnan(pearson(x, np.ones(50)))
