"""What a model is worth on pairs that it has not seen: loss, and BLEU of its translations."""

from __future__ import annotations

from seqtool.nn.encoder_decoder import EncoderDecoder
from seqtool.nn.shards import Validation
from seqtool.nn.trainer import Measured
from seqtool.nn.types import Batches
from seqtool_bleu.lines import score_lines
from seqtool_translate.model_files import Loaded
from seqtool_translate.pairs import Pairs
from seqtool_translate.text_side import TextSide
from seqtool_translate.translator import SearchOptions, Translator


class BleuValidation:
    """Measures a model as it is; the more BLEU its greedy translations have, the better it is.

    Args:
        model: that is trained.
        sides: of source and target.
        pairs: to translate.
        batches: of the same pairs, for the loss.
        threads: how many work; they change no result.
    """

    def __init__(
        self,
        model: EncoderDecoder,
        sides: tuple[TextSide, TextSide],
        pairs: Pairs,
        batches: Batches,
        threads: int,
    ) -> None:
        self._loaded = Loaded("the model in training", model, *sides, {})
        self._pairs = pairs
        self._loss = Validation(model, batches, threads)
        self._threads = threads

    def __call__(self) -> Measured:
        """Loss (nats a target), BLEU with its signature, and how many lines in 100 are exact."""
        translator = Translator([self._loaded], SearchOptions(beam=1), self._threads)
        found = translator.translate(self._pairs.source)
        texts = [translations[0].text for translations in found]
        wanted = self._pairs.target
        result = score_lines(texts, wanted, self._threads)
        same = sum(text == line for text, line in zip(texts, wanted, strict=True))
        figures = {
            "bleu": result.score,
            "exact": 100 * same / len(texts),
            "signature": result.signature,
        }
        return Measured(self._loss(), -result.score, figures)
