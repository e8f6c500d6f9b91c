"""Phrases against their slow twin."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import embedding_corpus as slow

from seqtool_train_embeddings import phrases
from seqtool_train_embeddings.corpus import encode_corpus, open_corpus
from seqtool_train_embeddings.phrases import join_phrases
from seqtool_train_embeddings.vocabulary import Vocabulary, count_words

pytestmark = pytest.mark.kernel

SENTENCES = st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=9), max_size=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all examples of a test share."""
    return tmp_path_factory.mktemp("phrases")


def encoded(folder: Path, sentences: list[list[str]]) -> tuple[Vocabulary, str]:
    """Vocabulary and stream of some sentences."""
    corpus, stream = folder / "corpus.txt", str(folder / "stream")
    corpus.write_text("\n".join(map(" ".join, sentences)), encoding="utf-8")
    vocabulary = count_words([str(corpus)])
    encode_corpus([str(corpus)], vocabulary, stream)
    return vocabulary, stream


def decoded(vocabulary: Vocabulary, stream: str) -> list[list[str]]:
    """A stream as sentences of words."""
    found: list[list[str]] = [[]]
    for number in open_corpus(stream).tolist():
        if number < 0:
            found.append([])
        else:
            found[-1].append(vocabulary.words[number])
    return found[:-1]


@pytest.mark.parametrize("piece", [1 << 20, 3])
@settings(max_examples=25, deadline=None)
@given(
    sentences=SENTENCES.filter(lambda x: x != []),
    threshold=st.sampled_from([0.0, 1.0, 2.0, 5.0]),
    discount=st.sampled_from([0.0, 0.5, 2.0]),
    passes=st.integers(1, 2),
)
def test_joined(
    folder: Path,
    sentences: list[list[str]],
    threshold: float,
    discount: float,
    passes: int,
    piece: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phrases, "_PIECE", piece)
        vocabulary, stream = encoded(folder, sentences)
        output = str(folder / "output")
        new = join_phrases(
            stream, vocabulary, output, passes=passes, threshold=threshold, discount=discount
        )
    expected = sentences
    for _ in range(passes):
        words = sorted({word for sentence in expected for word in sentence})
        numbered = [[words.index(word) for word in sentence] for sentence in expected]
        pairs, numbered = slow.phrases(numbered, len(words), discount, threshold)
        words += [f"{words[a]}_{words[b]}" for a, b in pairs]
        expected = [[words[number] for number in sentence] for sentence in numbered]
    assert decoded(new, output) == expected
    assert list(zip(new.words, new.counts.tolist(), strict=True)) == slow.count_words(
        [" ".join(sentence) for sentence in expected]
    )
    assert new.tokens_seen == vocabulary.tokens_seen


def test_rare_words_are_left_out(tmp_path: Path) -> None:
    vocabulary, stream = encoded(tmp_path, [["x", "y"]] * 4 + [["y"], ["z", "x", "y"]])
    new = join_phrases(stream, vocabulary, stream, threshold=1, discount=1, min_count=2)
    assert new.words == ["x_y"]
    assert decoded(new, stream) == [["x_y"]] * 5


def test_a_phrase_may_look_like_a_word(tmp_path: Path) -> None:
    vocabulary, stream = encoded(tmp_path, [["x", "y"]] * 4 + [["x_y"]] * 3)
    new = join_phrases(stream, vocabulary, stream, threshold=1, discount=1)
    assert (new.words, new.counts.tolist()) == (["x_y"], [7])
    assert np.array_equal(open_corpus(stream), [0, -1] * 7)
