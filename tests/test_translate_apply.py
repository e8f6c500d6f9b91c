"""Translating many lines at once: order, batches, bounds, constraints, attention, unknown words."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from translate_models import ENGLISH, GERMAN, make_model

from seqtool.decode.sampling import SamplingOptions
from seqtool.errors import SeqtoolError
from seqtool.nn.workspace import Workspace
from seqtool_translate.constraints import ConstraintFile
from seqtool_translate.forcing import forced_shard
from seqtool_translate.model_files import Loaded, load
from seqtool_translate.translator import (
    SearchOptions,
    Texts,
    Translation,
    Translator,
    batches_of,
    encode_lines,
)
from seqtool_translate.unknown_words import read_dictionary, replace_unknown, source_words

LINES = [*GERMAN, "", "der Hund", " \t", *reversed(GERMAN), "Katze Katze Katze Ball rote", "Haus"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Loaded]:
    """Models by level, and some of other shapes."""
    folder = tmp_path_factory.mktemp("models")
    shapes: dict[str, dict[str, Any]] = {
        "word": {"level": "word", "unknown": 0.5},
        "char": {"level": "char"},
        "subword": {"level": "subword", "end": 2.0},
        "other": {"level": "word", "seed": 2},
        "plain": {"level": "word", "attention": "none", "feeding": False},
        "deep": {"level": "word", "attention": "additive", "layers": 2, "cell": "gru"},
    }
    return {
        name: load(str(make_model(folder / f"{name}.safetensors", **shape)))
        for name, shape in shapes.items()
    }


def same(one: Translation, other: Translation) -> bool:
    """Bit for bit."""
    return (
        one.text == other.text
        and one.ids.tolist() == other.ids.tolist()
        and one.log_probs.tolist() == other.log_probs.tolist()
        and one.score == other.score
        and one.finished == other.finished
    )


SEARCHES = {
    "greedy": SearchOptions(beam=1),
    "beam": SearchOptions(beam=4, nbest=3),
    "gnmt": SearchOptions(beam=3, penalty="gnmt", coverage_penalty=0.3, no_repeat_ngram=2),
    "sample": SearchOptions(nbest=2, sampling=SamplingOptions(seed=3)),
}


@pytest.mark.parametrize("search", SEARCHES.values(), ids=list(SEARCHES))
@pytest.mark.parametrize("name", ["word", "char", "subword", "plain", "deep"])
def test_a_line_is_translated_by_itself(
    models: dict[str, Loaded], name: str, search: SearchOptions
) -> None:
    together = Translator([models[name]], search, 1).translate(LINES)
    assert len(together) == len(LINES)
    again = Translator([models[name]], search, 3).translate(LINES)
    for one, other in zip(together, again, strict=True):
        assert all(same(a, b) for a, b in zip(one, other, strict=True))
    alone = Translator([models[name]], search, 1)
    for number in range(0, len(LINES), 4):
        found = alone.translate([LINES[number]], first_line=number)[0]
        assert all(same(a, b) for a, b in zip(found, together[number], strict=True))


def test_an_empty_line_is_not_translated(models: dict[str, Loaded]) -> None:
    for name in ("word", "char", "subword"):
        for search in SEARCHES.values():
            found = Translator([models[name]], search).translate(["", "  ", "\t", "\u3000"])
            assert [(len(each), each[0].text, len(each[0].ids)) for each in found] == [
                (1, "", 0)
            ] * 4


def as_texts(translations: list[Translation]) -> Texts:
    """The ids of translations, to be forced."""
    lengths = np.array([len(each.ids) for each in translations], np.int64)
    ids = np.concatenate([each.ids for each in translations])
    return Texts(ids, np.cumsum(lengths) - lengths, lengths, [])


@pytest.mark.parametrize("name", ["word", "char", "plain", "deep"])
def test_scores_are_those_of_forced_decoding(models: dict[str, Loaded], name: str) -> None:
    for search in SEARCHES.values():
        translator = Translator([models[name]], search, 2)
        best = [each[0] for each in translator.translate(GERMAN)]
        sources = translator.encode(GERMAN)
        forced = translator.force(sources, as_texts(best))
        shard = forced_shard(
            translator.target.begin,
            [sources.line(number) for number in range(len(GERMAN))],
            [each.ids for each in best],
        )
        work = Workspace(models[name].model.parameters, training=False)
        whole = models[name].model.forced(work, shard).log_probs
        for number, each in enumerate(best):
            np.testing.assert_allclose(each.log_probs, forced[number], atol=1e-5)
            np.testing.assert_allclose(each.log_probs, whole[: len(each.ids), number], atol=1e-4)


def test_forcing_does_not_depend_on_other_pairs(models: dict[str, Loaded]) -> None:
    translator = Translator([models["word"]], threads=2)
    sources, targets = translator.encode(GERMAN), encode_lines(translator.target, ENGLISH)
    together = translator.force(sources, targets)
    for number in range(len(GERMAN)):
        one = (
            translator.encode([GERMAN[number]]),
            encode_lines(translator.target, [ENGLISH[number]]),
        )
        assert translator.force(*one)[0].tolist() == together[number].tolist()


def test_the_best_come_first(models: dict[str, Loaded]) -> None:
    found = Translator([models["word"]], SearchOptions(beam=5, nbest=5)).translate(GERMAN)
    first = Translator([models["word"]], SearchOptions(beam=5)).translate(GERMAN)
    for each, (best,) in zip(found, first, strict=True):
        assert len({translation.ids.tobytes() for translation in each}) == len(each) > 1
        scores = [translation.score for translation in each]
        assert scores == sorted(scores, reverse=True)
        assert same(each[0], best)
        for translation in each:
            length = len(translation.ids)
            assert translation.score == pytest.approx(translation.log_prob / length**0.7)


def test_a_beam_of_one_is_greedy(models: dict[str, Loaded]) -> None:
    greedy = Translator([models["word"]], SearchOptions(beam=1)).translate(GERMAN)
    coldest = SearchOptions(sampling=SamplingOptions(temperature=0.0))
    drawn = Translator([models["word"]], coldest).translate(GERMAN)
    assert [each[0].ids.tolist() for each in greedy] == [each[0].ids.tolist() for each in drawn]


def test_other_seeds_draw_other_translations(models: dict[str, Loaded]) -> None:
    texts = {
        tuple(
            each[0].text
            for each in Translator(
                [models["char"]], SearchOptions(sampling=SamplingOptions(seed=seed))
            ).translate(GERMAN)
        )
        for seed in range(4)
    }
    assert len(texts) == 4


@pytest.mark.parametrize("ratio", [0.0, 0.5, 3.0, 1e300])
def test_how_long_a_translation_may_be(tmp_path: Path, ratio: float) -> None:
    endless = load(str(make_model(tmp_path / "m.safetensors", end=-1e9)))
    search = SearchOptions(beam=2, max_ratio=min(ratio, 50.0), max_input=4)
    translator = Translator([endless], search)
    for line, (best,) in zip(GERMAN, translator.translate(GERMAN), strict=True):
        tokens = min(len(line.split()), 4)
        assert len(best.ids) == int(search.max_ratio * tokens) + 10
        assert not best.finished


def test_a_long_line_is_cut(models: dict[str, Loaded]) -> None:
    translator = Translator([models["word"]], SearchOptions(max_input=7), 2)
    long = "Hund " * 10_000
    texts = translator.encode(["Hund", long, long[: 5 * 7]])
    assert texts.cut == [1]
    assert [len(texts.line(number)) for number in range(3)] == [2, 8, 8]
    assert texts.line(1).tolist() == texts.line(2).tolist()
    found = translator.translate(["Hund", long, long[: 5 * 7]])
    assert same(found[1][0], found[2][0])


def test_batches_hold_every_line_once() -> None:
    random = np.random.default_rng(1)
    lengths = random.integers(1, 3000, 500)
    lines = random.permutation(500)[:400]
    for rows in (1, 5, 1000):
        batches = batches_of(lengths, lines, rows, 2)
        assert sorted(np.concatenate(batches).tolist()) == sorted(lines.tolist())
        for batch in batches:
            assert len(batch) * rows <= 320 or len(batch) == 1
            assert len(batch) * rows * lengths[batch].max() <= 16384 or len(batch) == 1
    assert len(batches_of(lengths[:10], np.arange(10), 5, 2)) >= 2


def test_constraints_come_and_other_lines_stay(models: dict[str, Loaded]) -> None:
    translator = Translator([models["word"]], SearchOptions(beam=4), 2)
    names = translator.target.names
    phrases = [[[names.index("ball")]], [], [[names.index("red"), names.index("house")]], [], []]
    free = translator.translate(GERMAN)
    bound = translator.translate(GERMAN, phrases)
    assert "ball" in bound[0][0].text.split()
    assert "red house" in bound[2][0].text
    for number in (1, 3, 4):
        assert bound[number][0].text == free[number][0].text


def test_no_ngram_comes_twice(models: dict[str, Loaded]) -> None:
    for translations in Translator(
        [models["char"]], SearchOptions(beam=3, no_repeat_ngram=2)
    ).translate(GERMAN):
        ids = translations[0].ids.tolist()
        pairs = list(pairwise(ids))
        assert len(set(pairs)) == len(pairs)


def test_an_ensemble(models: dict[str, Loaded]) -> None:
    one = Translator([models["word"]], SearchOptions(beam=3)).translate(GERMAN)
    twice = Translator([models["word"]] * 2, SearchOptions(beam=3)).translate(GERMAN)
    for (first,), (second,) in zip(one, twice, strict=True):
        assert first.text == second.text
        np.testing.assert_allclose(first.log_probs, second.log_probs, atol=1e-5)
    both = Translator([models["word"], models["other"]], SearchOptions(beam=3))
    sources, targets = both.encode(GERMAN), encode_lines(both.target, ENGLISH)
    each = [Translator([models[n]]).force(sources, targets) for n in ("word", "other")]
    for found, first, second in zip(both.force(sources, targets), *each, strict=True):
        np.testing.assert_allclose(np.exp(found), (np.exp(first) + np.exp(second)) / 2, rtol=1e-4)
    with pytest.raises(SeqtoolError, match="different source vocabularies"):
        Translator([models["word"], models["char"]])


def test_attention_is_a_distribution(models: dict[str, Loaded]) -> None:
    translator = Translator([models["word"], models["plain"], models["deep"]], threads=2)
    assert translator.attends
    assert not Translator([models["plain"]]).attends
    sources, targets = translator.encode(GERMAN), encode_lines(translator.target, ENGLISH)
    wanted = [targets.line(number) for number in (3, 0, 3)]
    found = translator.attend(sources, [3, 1, 0], wanted)
    for number, weights, target in zip((3, 1, 0), found, wanted, strict=True):
        assert weights.shape == (len(target), len(sources.line(number)))
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)
    alone = [Translator([models[n]]).attend(sources, [1], wanted[1:2])[0] for n in ("word", "deep")]
    np.testing.assert_allclose(found[1], (alone[0] + alone[1]) / 2, atol=1e-6)


# --- unknown words --------------------------------------------------------------------------------


def test_the_words_of_source_ids(models: dict[str, Loaded]) -> None:
    line = "  das Kind  schläft."
    assert source_words(models["word"].source, line, 4) == ["das", "Kind", "schläft.", ""]
    side = models["char"].source
    count = len(side.encode([line]).ids)
    words = source_words(side, line, count)
    assert [word for word in words if word] == list("dasKindschläft.")
    assert words[-1] == ""
    side = models["subword"].source
    count = len(side.encode([line]).ids)
    words = source_words(side, line, count)
    assert list(dict.fromkeys(filter(None, words))) == ["das", "Kind", "schläft."]
    assert (len(words), words[-1]) == (count, "")


def test_unknown_words_are_replaced(models: dict[str, Loaded]) -> None:
    side = models["word"].target
    unknown = side.unknown
    assert unknown is not None
    ids = np.array([side.names.index("the"), unknown, unknown, side.end], np.int32)
    weights = np.eye(4, dtype=np.float32)[[0, 2, 1, 3]]
    text = side.decode(ids)
    assert text == "the <unk> <unk>"
    words = ["die", "Elster", "Lupe", ""]

    def replaced(dictionary: dict[str, str]) -> str:
        return replace_unknown(text, ids, weights, side, words, dictionary)

    assert replaced({}) == "the Lupe Elster"
    assert replaced({"Lupe": "lens", "elster": "magpie"}) == "the lens magpie"
    # What stands for the end of the source is no word.
    weights[1] = [0.1, 0.2, 0.3, 0.4]
    assert replaced({}) == "the Lupe Elster"


def test_a_dictionary(tmp_path: Path) -> None:
    path = tmp_path / "d.tsv"
    path.write_text("Elster\tmagpie\n\nLupe\tlens\nLupe\tglass\n", encoding="utf-8")
    assert read_dictionary(str(path), "strict") == {"Elster": "magpie", "Lupe": "lens"}
    for wrong in ("Elster\n", "a\tb\tc\n", "\tb\n"):
        path.write_text(f"x\ty\n{wrong}", encoding="utf-8")
        with pytest.raises(SeqtoolError, match=r"d\.tsv:2: write a word, a tab"):
            read_dictionary(str(path), "strict")


# --- constraints ----------------------------------------------------------------------------------


def test_a_file_of_constraints(models: dict[str, Loaded], tmp_path: Path) -> None:
    path = tmp_path / "c.tsv"
    path.write_text("red house\tball\n\n dog \t\nzebra\n", encoding="utf-8")
    side = models["word"].target
    file = ConstraintFile(str(path), side, "strict")
    found = file.take(3)
    names = [[" ".join(side.names[i] for i in phrase) for phrase in line] for line in found]
    assert names == [["red house", "ball"], [], ["dog"]]
    with pytest.raises(SeqtoolError, match=r"c\.tsv:4: the model has no tokens for 'zebra'"):
        file.take(1)
    file = ConstraintFile(str(path), side, "strict")
    file.take(1)
    with pytest.raises(SeqtoolError, match=r"c\.tsv has 4 lines, the input 1"):
        file.finish()
    path.write_text("dog\n", encoding="utf-8")
    with pytest.raises(SeqtoolError, match=r"c\.tsv ends behind line 1"):
        ConstraintFile(str(path), side, "strict").take(2)


def test_a_constraint_of_bytes_is_a_word_of_its_own(
    models: dict[str, Loaded], tmp_path: Path
) -> None:
    path = tmp_path / "c.tsv"
    path.write_text("zebra\n" * len(GERMAN), encoding="utf-8")
    side = models["subword"].target
    phrases = ConstraintFile(str(path), side, "strict").take(len(GERMAN))
    found = Translator([models["subword"]], SearchOptions(beam=3)).translate(GERMAN, phrases)
    for translations in found:
        assert " zebra" in f" {translations[0].text}"
