"""Colours of clusters."""

from __future__ import annotations

# Twelve hues that stay apart from each other on white and on black.
PALETTE = (
    "#3b78d8", "#e2711d", "#2e9e5b", "#d6336c", "#8d5bd1", "#1098ad",
    "#b08900", "#e03131", "#5c940d", "#a5673f", "#c2589f", "#6c7a89",
)  # fmt: skip


def colour(cluster: int) -> str:
    """The colour of a cluster; they repeat after twelve."""
    return PALETTE[cluster % len(PALETTE)]
