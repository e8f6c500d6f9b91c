"""Several models that decode together, and the logarithms that it takes."""

import decode_helper_kernels as compiled
import numpy as np
import pytest
from decode_models import END, VOCAB, Tree, search
from naive.decode import log_softmax

from seqtool.decode.beam import BeamOptions
from seqtool.decode.ensemble import Ensemble
from seqtool.errors import SeqtoolError

pytestmark = pytest.mark.kernel


class Ensembled(Ensemble):
    """An ensemble of trees."""

    def start(self, rows: int) -> tuple[np.ndarray, ...]:
        return tuple(model.start(rows) for model in self._models)


def test_logarithm() -> None:
    x = np.concatenate([np.geomspace(2.3e-308, 1e300, 997), np.linspace(0.5, 2, 500)])
    x = np.append(x, [1.0, np.sqrt(0.5), np.sqrt(2)])
    out = np.zeros_like(x)
    compiled.log_all(x, out)
    np.testing.assert_allclose(out, np.log(x), rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_mean_of_probabilities(count: int) -> None:
    models = [Tree(seed) for seed in range(count)]
    models[0].logits[5] = [0, -np.inf, 1]
    both = Ensembled(models)
    logits, state = both.step(np.array([0, 1, 2], np.int32), both.start(3))
    logits, state = both.step(np.array([1, 0, 2], np.int32), state)
    assert logits.dtype == np.float32
    for row, place in enumerate(state[0].tolist()):
        probabilities = [np.exp(log_softmax(m.logits[place].tolist())) for m in models]
        np.testing.assert_allclose(np.exp(logits[row]), np.mean(probabilities, axis=0), rtol=1e-5)
    chosen = both.select(state, np.array([2, 0]))
    assert [part.tolist() for part in chosen] == [[s[2], s[0]] for s in state]
    covered = np.mean([m.covered(s) for m, s in zip(models, state, strict=True)], axis=0)
    np.testing.assert_allclose(both.covered(state), covered, rtol=1e-6)


def test_equal_models_are_one() -> None:
    options = BeamOptions(4, 4, "mean", 0.7, 0.2, end=END)
    alone = search(Tree(3), [0, 2], 5, options)
    together = search(Ensembled([Tree(3), Tree(3)]), [0, 2], 5, options)
    for one, other in zip(alone, together, strict=True):
        assert [h.ids.tolist() for h in one] == [h.ids.tolist() for h in other]
        assert [h.score for h in one] == pytest.approx([h.score for h in other], abs=1e-5)


def test_covered_without_attention() -> None:
    class Blind(Tree):
        def covered(self, state: np.ndarray) -> np.ndarray:
            return np.ones((len(state), 1), np.float32)

    both = Ensembled([Tree(0), Blind(1)])
    covered = both.covered(both.start(2))
    np.testing.assert_allclose(covered, np.tile((Tree(0).attention[0] + 1) / 2, (2, 1)))


def test_an_id_that_no_model_knows() -> None:
    models = [Tree(0), Tree(1)]
    for model in models:
        model.logits[1] = [0, -np.inf, 0]
    both = Ensembled(models)
    logits, _ = both.step(np.zeros(1, np.int32), both.start(1))
    np.testing.assert_allclose(logits, [[np.log(0.5), -np.inf, np.log(0.5)]], rtol=1e-6)


@pytest.mark.parametrize("broken", [np.nan, -np.inf, np.inf])
def test_one_broken_model_is_noticed(broken: float) -> None:
    models = [Tree(0), Tree(1)]
    models[1].logits[1] = broken
    with pytest.raises(SeqtoolError, match="finite score"):
        search(Ensembled(models), [0], 3, BeamOptions(2))


def test_different_vocabularies() -> None:
    other = Tree(0)
    other.vocab_size = VOCAB + 1
    with pytest.raises(ValueError, match=r"\[3, 4\] ids cannot be averaged"):
        Ensemble([Tree(0), other])
