"""What lmplz estimates from a corpus is what seqtool estimates, n-gram by n-gram.

tools/kenlm_peer.py made tests/kenlm_reference. The last test also needs KenLM's Python module.
"""

from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY
from ngram_models import ids_of, model_of, numbered

from seqtool.ngrams.arpa import read_arpa, write_arpa
from seqtool.ngrams.estimate import estimate

FOLDER = REPOSITORY / "tests" / "kenlm_reference"
TEXTS = [
    line.split() for line in (FOLDER / "corpus.txt").read_text(encoding="utf-8").split("\n")[:-1]
]
DISCOUNTS = [
    [0.333333, 1.0, 2.36612],
    [0.779951, 1.08139, 1.3518],
    [0.876387, 1.34833, 0.824143],
]


@pytest.mark.parametrize(
    ("name", "prune"),
    [("order1", ()), ("order3", ()), ("pruned", (0, 0, 1)), ("words-pruned", (1, 2))],
)
def test_estimates_of_lmplz(name: str, prune: tuple[int, ...]) -> None:
    theirs = read_arpa(str(FOLDER / f"{name}.arpa"))
    vocabulary = list(theirs.vocabulary)
    ids, starts = numbered(TEXTS, vocabulary)
    ours = estimate(ids, starts, vocabulary, theirs.order, prune=prune)
    assert ours.counts == theirs.counts
    np.testing.assert_array_equal(ours.trie.words, theirs.trie.words)
    np.testing.assert_array_equal(ours.trie.suffixes, theirs.trie.suffixes)
    np.testing.assert_array_equal(ours.trie.first_child, theirs.trie.first_child)
    np.testing.assert_allclose(ours.trie.probs, theirs.trie.probs, atol=1e-6)
    np.testing.assert_allclose(ours.trie.backoffs, theirs.trie.backoffs, atol=1e-6)


def test_discounts_of_lmplz() -> None:
    """What it says about the corpus on stderr, at order 3."""
    model = model_of(TEXTS, 3)
    assert model.metadata["fallback_discounts"] == []
    np.testing.assert_allclose(model.metadata["discounts"], DISCOUNTS, rtol=1e-5)


def test_kenlm_scores_what_is_written(tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm", reason="kenlm is not installed")
    path = str(tmp_path / "a.arpa")
    model = model_of(TEXTS[:300], 4, (0, 0, 1))
    write_arpa(path, model)
    peer = kenlm.Model(path)
    texts = [*TEXTS[300:], ["zebra", "the", "noun0", "zebra", "zebra"]]
    for text in texts:
        ids = np.array(ids_of(model, text), np.int32)
        scores = model.score(ids, np.array([0, len(ids)], np.int64))
        theirs = [log10 for log10, _, _ in peer.full_scores(" ".join(text))]
        np.testing.assert_allclose([*scores.words, *scores.ends], theirs, atol=2e-6)
