"""`seqtool train-embeddings`: word vectors from raw text."""

from collections.abc import Callable

from seqtool.hookspecs import hookimpl


@hookimpl
def register_commands(register: Callable[..., None]) -> None:
    """Add `seqtool train-embeddings`."""
    register(
        "seqtool_train_embeddings.command:command",
        name="train-embeddings",
        help="Train word vectors: word2vec, fastText, GloVe, a neural language model.",
    )
