"""`plot`: words as points of a plane, near each other where their vectors are (t-SNE)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.pictures import import_extra, picture_format
from seqtool.text import display_name, numbered_lines
from seqtool.vectors import WordVectors
from seqtool.vectors.table import unit_rows
from seqtool_analogy.clusters import cluster
from seqtool_analogy.load import load
from seqtool_analogy.questions import Lexicon

FORMATS = ("png", "svg", "html")
FEWEST_WORDS = 4


class Map(NamedTuple):
    """Words, their places (words, 2) within -1..1, and the number of the cluster of each."""

    words: list[str]
    places: NDArray[np.float64]
    clusters: NDArray[np.int64]


def run_plot(settings: Mapping[str, Any]) -> None:
    """Draw the picture. Raises SeqtoolError and click.UsageError."""
    output = settings["output"]
    format = picture_format(output, FORMATS)
    import_extra("openTSNE")
    if format != "html":
        import_extra("matplotlib")
    vectors = load(settings)
    words, matrix = _chosen(vectors, settings)
    if len(words) < FEWEST_WORDS:
        raise SeqtoolError(f"{len(words)} words: a picture needs at least {FEWEST_WORDS}")
    unit = unit_rows(matrix)
    if not settings["quiet"]:
        click.echo(f"seqtool analogy: placing {len(words):,} words", err=True)
    drawn = Map(
        words,
        place(unit, settings["perplexity"], settings["seed"], settings["threads"]),
        cluster(unit, settings["clusters"], settings["seed"]),
    )
    if format == "html":
        from seqtool_analogy.page import write_page

        write_page(output, drawn)
    else:
        from seqtool_analogy.picture import write_picture

        write_picture(output, format, drawn, settings["labels"])


def _chosen(
    vectors: WordVectors, settings: Mapping[str, Any]
) -> tuple[list[str], NDArray[np.float32]]:
    """The words to show: those of --words, or the most frequent."""
    path = settings["words"]
    if path is None:
        count = min(settings["top"], len(vectors))
        return vectors.words[:count], vectors.matrix[:count]
    wanted = [word for _, text in numbered_lines(path, settings["errors"]) for word in text.split()]
    wanted = list(dict.fromkeys(w.lower() if settings["lowercase"] else w for w in wanted))
    lexicon = Lexicon(vectors)
    known = [word for word in wanted if lexicon.knows(word)]
    if len(known) < len(wanted) and not settings["quiet"]:
        missing = len(wanted) - len(known)
        click.echo(
            f"seqtool analogy: {missing:,} of {len(wanted):,} words of {display_name(path)}"
            " have no vector and are left out",
            err=True,
        )
    matrix = np.array([vectors.vector(word) for word in known], np.float32)
    return known, matrix.reshape(-1, vectors.dimensions)


def place(
    unit: NDArray[np.float32], perplexity: float, seed: int, threads: int
) -> NDArray[np.float64]:
    """Places by t-SNE (van der Maaten and Hinton 2008), centred, within -1..1."""
    import warnings

    from openTSNE import TSNE

    with warnings.catch_warnings():
        # openTSNE warns of what this program chose for it, and its dependencies of each other.
        warnings.simplefilter("ignore")
        embedding = TSNE(
            # More neighbours than a third of the words cannot be told apart.
            perplexity=min(perplexity, max(1.0, (len(unit) - 1) / 3)),
            metric="euclidean",  # of vectors of length 1: the order of cosines
            initialization="pca" if min(unit.shape) >= 2 else "random",
            random_state=seed,
            n_jobs=threads,
        ).fit(unit)
    places = np.array(embedding, np.float64)
    places -= (places.max(axis=0) + places.min(axis=0)) / 2
    largest = np.abs(places).max()
    return places / largest if largest else places
