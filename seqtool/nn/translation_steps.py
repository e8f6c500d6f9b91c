"""A translation model as the searches step it."""

from __future__ import annotations

from seqtool.nn.encoder_decoder import EncoderDecoder
from seqtool.nn.types import Ids, Lengths
from seqtool.nn.writer_steps import WriterState, WriterSteps


class TranslationSteps(WriterSteps):
    """An `EncoderDecoder` as a `seqtool.decode.types.StepModel`; see `WriterSteps`."""

    def __init__(self, model: EncoderDecoder) -> None:
        super().__init__(model.parameters, model.writer)
        self._model = model

    def encode(self, source: Ids, lengths: Lengths) -> WriterState:
        """The state of a row for each source (source time, rows), of which nothing is written."""
        return self.begin(self._model.encode(self.work, source, lengths))
