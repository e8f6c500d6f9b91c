"""What gensim and fastText write loads here, and gensim loads what is written here."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vector_files import sample

from seqtool.vectors import WordVectors, load_vectors, save_vectors

# Theirs, not ours: old calls, and a file that gensim leaves open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SENTENCES = ["der Hund jagt die Katze", "die Katze jagt naïve Mäuse", "東京 und Straße"] * 30


@pytest.fixture(scope="module")
def keyed_vectors() -> Any:
    """gensim's class of word vectors."""
    reason = "gensim is not installed (extra 'test')"
    return pytest.importorskip("gensim.models", reason=reason).KeyedVectors


@pytest.mark.parametrize("ending", [".bin", ".vec", ".txt"])
def test_gensim_loads_ours(tmp_path: Path, keyed_vectors: Any, ending: str) -> None:
    words, matrix = sample(50, 9)
    path = str(tmp_path / f"v{ending}")
    save_vectors(path, WordVectors(words, matrix))
    theirs = keyed_vectors.load_word2vec_format(
        path, binary=ending == ".bin", no_header=ending == ".txt"
    )
    assert theirs.index_to_key == words
    np.testing.assert_array_equal(theirs.vectors, matrix)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("header", [True, False])
def test_we_load_gensims(tmp_path: Path, keyed_vectors: Any, binary: bool, header: bool) -> None:
    if binary and not header:
        pytest.skip("the binary format always has a header")
    words, matrix = sample(50, 9)
    theirs = keyed_vectors(9)
    theirs.add_vectors(words, matrix)
    path = str(tmp_path / "v.dat")
    theirs.save_word2vec_format(path, binary=binary, write_header=header)
    ours = load_vectors(path)
    assert ours.words == words
    np.testing.assert_array_equal(ours.matrix, matrix)


@pytest.fixture(scope="module")
def fasttext_model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A model that fastText trained, and the folder where it is as ``m.bin`` and ``m.ftz``."""
    fasttext = pytest.importorskip("fasttext", reason="fastText is not installed (extra 'test')")
    folder = tmp_path_factory.mktemp("fasttext")
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(SENTENCES) + "\n", encoding="utf-8")
    model = trained(fasttext, corpus, bucket=500, minn=2, maxn=4)
    model.save_model(str(folder / "m.bin"))
    return model, folder


def trained(fasttext: Any, corpus: Path, **options: Any) -> Any:
    """A model of fastText's, without NaN.

    On so small a corpus its first vectors are not always initialised: it then stops with
    "Encountered NaN" or writes NaN into the file.
    """
    for _ in range(20):
        try:
            model = fasttext.train_unsupervised(
                str(corpus), dim=8, minCount=1, epoch=1, thread=1, verbose=0, **options
            )
        except RuntimeError:
            continue
        if np.isfinite(model.get_input_matrix()).all():
            return model
    pytest.skip("fastText made NaN twenty times")


def test_we_load_fasttexts(fasttext_model: tuple[Any, Path]) -> None:
    model, folder = fasttext_model
    ours = load_vectors(str(folder / "m.bin"))
    assert ours.words == model.words
    for word in [*model.words, "Hunde", "Kätzchen", "京都", "x", "😀", "e\u0301"]:
        theirs = model.get_word_vector(word)
        np.testing.assert_allclose(ours.vector(word), theirs, rtol=1e-6, atol=1e-8)


def test_fasttext_without_subwords(fasttext_model: tuple[Any, Path]) -> None:
    fasttext = pytest.importorskip("fasttext")
    _, folder = fasttext_model
    model = trained(fasttext, folder / "corpus.txt", model="cbow", maxn=0)
    model.save_model(str(folder / "plain.bin"))
    ours = load_vectors(str(folder / "plain.bin"))
    assert ours.subwords is None
    np.testing.assert_array_equal(ours.vector("Hund"), model.get_word_vector("Hund"))
