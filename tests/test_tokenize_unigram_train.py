"""Unigram training: its kernels against enumeration, its models against sentencepiece's."""

import io
import itertools
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import unigram as plain

from seqtool.errors import SeqtoolError
from seqtool.tokenizers.batches import batch_of_texts, texts_of
from seqtool.tokenizers.metaspace import MARK, Metaspace, metaspace, split_metaspace
from seqtool.tokenizers.sentencepiece import read_sentencepiece
from seqtool.tokenizers.types import WordCounts
from seqtool.tokenizers.unigram import UnigramModel
from seqtool.tokenizers.unigram_seed import Runs, make_runs, make_seeds
from seqtool.tokenizers.unigram_train import _Scores, _Trainer, digamma, train_unigram


def counted(words: dict[str, int]) -> WordCounts:
    """Word counts as training wants them."""
    items = sorted(words.items(), key=lambda item: (-item[1], item[0].encode()))
    batch = batch_of_texts([word for word, _ in items])
    counts = np.array([count for _, count in items], np.int64)
    return WordCounts(batch.data, batch.starts, counts, "")


def runs_of(runs: Runs) -> dict[str, int]:
    """Runs as text."""
    found = {}
    bounds = itertools.pairwise(runs.starts)
    for (begin, end), count in zip(bounds, runs.counts, strict=True):
        codes = runs.characters[runs.symbols[begin : end - 1] - 1]
        found["".join(map(chr, codes))] = int(count)
    return found


word_counts = st.dictionaries(
    st.text("abc", min_size=1, max_size=6), st.integers(1, 5), min_size=1, max_size=6
)


@pytest.mark.kernel
def test_words_are_cut_into_runs_of_a_kind() -> None:
    words = {"▁don't": 3, "▁1990s": 2, "(▁a": 1, "e\u0301t,": 1, "▁don": 4, "xyz": 1}
    runs = make_runs(counted(words), 1.0)
    assert runs_of(runs) == {
        "▁don": 7, "'": 3, "t": 3, "▁1990": 2, "s": 2, "(▁": 1, "a": 1, "e\u0301t": 1, ",": 1,
        "xyz": 1,
    }  # fmt: skip


@pytest.mark.kernel
def test_rare_characters_lie_between_runs() -> None:
    runs = make_runs(counted({"aaaa": 100, "axa": 1, "xx": 1}), 0.99)
    assert runs_of(runs) == {"aaaa": 100, "a": 2}
    assert bytes(runs.characters.tolist()) == b"a"
    with pytest.raises(SeqtoolError, match="no text"):
        make_runs(counted({}), 1.0)


@pytest.mark.kernel
def test_long_runs_are_cut() -> None:
    assert runs_of(make_runs(counted({"a" * 70: 2}), 1.0)) == {"a" * 32: 4, "a" * 6: 2}


@pytest.mark.kernel
@settings(deadline=None)
@given(word_counts, st.integers(2, 5))
def test_seeds_are_the_branching_substrings(words: dict[str, int], longest: int) -> None:
    runs = make_runs(counted(words), 1.0)
    seeds = make_seeds(runs, longest, 1000)
    names = [
        "".join(chr(runs.characters[s - 1]) for s in runs.symbols[place : place + length])
        for place, length in zip(seeds.places, seeds.lengths, strict=True)
    ]
    found = dict(zip(names, seeds.weights.tolist(), strict=True))
    assert len(found) == len(names)
    expected = {
        piece: count
        for piece, count in plain.substring_counts(words, longest).items()
        if count >= 2 and plain.is_branching(piece, words, longest)
    }
    assert found.items() >= expected.items()
    every = plain.substring_counts(words, longest)
    assert all(every[piece] == count for piece, count in found.items())
    fewer = make_seeds(runs, longest, 3)
    ranked = sorted((-count * len(piece) for piece, count in found.items()))
    kept = (-fewer.weights * fewer.lengths).tolist()
    assert sorted(kept) == ranked[:3]


def a_trainer(words: dict[str, int]) -> tuple[_Trainer, dict[str, float]]:
    """A trainer whose pieces have odd scores, and those."""
    trainer = _Trainer(make_runs(counted(words), 1.0), 4, 1)
    random = np.random.default_rng(5)
    pieces = -random.uniform(1, 9, len(trainer.scores.pieces))
    symbols = np.append(-np.inf, -random.uniform(1, 9, len(trainer.scores.symbols) - 1))
    trainer.scores = _Scores(pieces, symbols)
    return trainer, dict(zip(names_of(trainer), [*pieces, *symbols[1:]], strict=True))


def names_of(trainer: _Trainer) -> list[str]:
    """The pieces of two symbols and more, and those of one."""
    longer = [trainer._text(piece).decode() for piece in range(len(trainer.places))]
    return longer + [chr(code) for code in trainer.runs.characters]


@pytest.mark.kernel
@settings(deadline=None)
@given(word_counts)
def test_expected_and_best_counts(words: dict[str, int]) -> None:
    trainer, scores = a_trainer(words)
    pieces, symbols = trainer._expected()
    found = dict(zip(names_of(trainer), [*pieces, *symbols[1:]], strict=True))
    assert found == pytest.approx(plain.expected_counts(words, scores))
    used, symbols_used = trainer._used()
    found = dict(zip(names_of(trainer), [*used, *symbols_used[1:]], strict=True))
    assert found == plain.best_counts(words, scores)


@pytest.mark.kernel
@settings(deadline=None)
@given(word_counts)
def test_losses(words: dict[str, int]) -> None:
    """What a piece gives way to is the best segmentation without it."""
    trainer, scores = a_trainer(words)
    used, symbols_used = trainer._used()
    losses = trainer._losses(used, symbols_used)
    names = names_of(trainer)
    counts = dict(zip(names, [*used.tolist(), *symbols_used[1:].tolist()], strict=True))
    total = sum(counts.values())
    for piece, loss in zip(names, losses.tolist(), strict=False):
        others = {name: score for name, score in scores.items() if name != piece}
        cut = plain.best(piece, others)[0]
        if counts[piece] == 0 or plain.score(cut, scores) > scores[piece]:
            assert loss < -1e200
            continue
        new_total = total + counts[piece] * (len(cut) - 1)
        after = sum(math.log((counts[part] + counts[piece]) / new_total) for part in cut)
        assert loss == pytest.approx(counts[piece] * (math.log(counts[piece] / total) - after))


def test_digamma() -> None:
    gamma = 0.5772156649015329
    known = {0.5: -gamma - 2 * math.log(2), 1.0: -gamma, 4.0: 11 / 6 - gamma}
    np.testing.assert_allclose(digamma(np.array([*known])), [*known.values()], rtol=1e-9)
    x = np.array([0.5, 0.7, 3.3, 5.99, 6.5, 7.0, 50.0, 1e6])
    np.testing.assert_allclose(digamma(x + 1) - digamma(x), 1 / x, rtol=1e-6)
    assert digamma(np.array([1e12]))[0] == pytest.approx(math.log(1e12))


@pytest.mark.kernel
def test_a_small_model() -> None:
    words = Counter({"▁low": 5, "▁lower": 4, "▁newest": 6, "▁widest": 3, "▁new": 4})
    model = train_unigram(counted(words), 20, specials=["<s>", "<unk>"])
    assert model.pieces[:2] == [b"<s>", b"<unk>"]
    assert model.unknown == 1
    learned = model.pieces[2:]
    assert len(set(learned)) == len(learned) <= 18
    assert {c.encode() for c in "▁lowernstid"} <= set(learned)
    assert (np.diff(model.scores[2:]) <= 0).all()
    assert "▁new".encode() in learned


@pytest.mark.kernel
def test_bytes_and_room() -> None:
    words = counted({"▁aé": 30, "▁ab": 20, "▁日": 1})
    model = train_unigram(words, 300, specials=["<pad>"], byte_fallback=True)
    assert model.bytes_ids == {byte: byte + 1 for byte in range(256)}
    assert model.pieces[1:257] == [bytes([byte]) for byte in range(256)]
    assert train_unigram(words, 300, specials=["<pad>"]).unknown is None
    with pytest.raises(SeqtoolError, match="ask for 262 or more"):
        train_unigram(words, 261, specials=["<pad>"], byte_fallback=True)


@pytest.mark.kernel
@settings(deadline=None, max_examples=20)
@given(st.dictionaries(st.text("ab -日é", min_size=1, max_size=40), st.integers(1, 9), min_size=1))
def test_any_words(words: dict[str, int]) -> None:
    model = train_unigram(counted(words), 40, specials=["<unk>"])
    assert len(model.pieces) <= 40
    assert {c.encode() for word in words for c in word} >= {
        piece for piece in model.pieces[1:] if len(piece.decode()) == 1
    }
    assert np.isfinite(model.scores).all()


def word_counts_of(lines: list[str], rules: Metaspace | None = None) -> WordCounts:
    """Counts of the words of lines, made as for sentencepiece."""
    batch = batch_of_texts(lines)
    prepared = (rules or Metaspace()).apply(batch)
    text = prepared.data.tobytes().replace(MARK, b"\n" + MARK)
    return counted(dict(Counter(text.decode().split("\n")[1:])))


def likelihood(model: UnigramModel, lines: list[str], rules: Metaspace) -> tuple[float, float]:
    """Negative log likelihood of the best segmentations: a character, and a token."""
    batch = rules.apply(batch_of_texts(lines))
    ids = model.encode(batch, split_metaspace(batch)).ids
    scores = model.scores.copy()
    scores[0] = model.scores[3:].min() - 10
    loss = -float(scores[ids].sum())
    return loss / len(batch.data.tobytes().decode()), loss / len(ids)


@pytest.mark.real
def test_as_likely_as_sentencepiece(data: Path, tmp_path: Path) -> None:
    folder = data / "parallel" / "multi30k"
    lines = (folder / "train.en").read_text(encoding="utf-8").split("\n")[:20_000]
    held_out = (folder / "val.en").read_text(encoding="utf-8").split("\n")
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=written, vocab_size=3000, minloglevel=2
    )
    path = tmp_path / "a.model"
    path.write_bytes(written.getvalue())
    theirs = read_sentencepiece(str(path))
    assert isinstance(theirs.model, UnigramModel)
    rules: Metaspace = theirs.preparation.metaspace  # type: ignore[attr-defined]
    counts = word_counts_of(lines, rules)
    ours = train_unigram(counts, 3000, specials=["<unk>", "<s>", "</s>"], threads=1)
    assert len(ours.pieces) == len(theirs.model.pieces) == 3000
    our_loss = likelihood(ours, held_out, rules)
    their_loss = likelihood(theirs.model, held_out, rules)
    assert our_loss[0] < 1.01 * their_loss[0]
    assert our_loss[1] < 1.01 * their_loss[1]
    threaded = train_unigram(counts, 3000, specials=["<unk>", "<s>", "</s>"], threads=3)
    assert threaded.pieces == ours.pieces
    np.testing.assert_array_equal(threaded.scores, ours.scores)


def test_metaspace_words() -> None:
    batch = metaspace(batch_of_texts([" a  b c", "", "  ", "é▁x "]))
    assert [text.decode() for text in texts_of(batch)] == ["▁a▁b▁c", "", "", "▁é▁x"]
    words = split_metaspace(batch, 2)
    assert words.starts.tolist() == [0, 3, 3, 3, 5]
    assert words.ends.tolist() == [4, 8, 12, 17, 21]
