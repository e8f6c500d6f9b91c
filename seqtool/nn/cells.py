"""The recurrent cells by name: the built-in ones, and those that plugins add."""

from __future__ import annotations

from seqtool.errors import SeqtoolError
from seqtool.nn.gru import GRU, SimpleGRU
from seqtool.nn.lstm import LSTM
from seqtool.nn.recurrent import RecurrentLayer
from seqtool.nn.rnn import RNN, ReluRNN
from seqtool.plugins import call_hook

CELLS: dict[str, type[RecurrentLayer]] = {
    "rnn": RNN,
    "relu-rnn": ReluRNN,
    "simple-gru": SimpleGRU,
    "gru": GRU,
    "lstm": LSTM,
}


def find_cell(name: str) -> type[RecurrentLayer]:
    """The class of a cell. Raises SeqtoolError, which lists what there is, for an unknown name."""
    if name in CELLS:
        return CELLS[name]
    known = dict(CELLS)

    def register(name: str, cell: type[RecurrentLayer]) -> None:
        known.setdefault(name, cell)

    call_hook("register_cells", register=register)
    if name not in known:
        raise SeqtoolError(f"no recurrent cell '{name}': there are {', '.join(sorted(known))}")
    return known[name]
