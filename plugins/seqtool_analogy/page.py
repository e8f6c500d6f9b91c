"""The picture as one html page that needs nothing else: no network, no other file."""

from __future__ import annotations

import json
import os

from seqtool.output import open_output
from seqtool_analogy.colours import PALETTE
from seqtool_analogy.plot import Map

TEMPLATE = os.path.join(os.path.dirname(__file__), "page.html")
MARK = '"DATA"'


def write_page(path: str, drawn: Map) -> None:
    """Write the page: the template with the words, places and clusters put in."""
    data = {
        "words": drawn.words,
        "x": [round(x, 4) for x in drawn.places[:, 0].tolist()],
        "y": [round(y, 4) for y in drawn.places[:, 1].tolist()],
        "cluster": drawn.clusters.tolist(),
        "colours": list(PALETTE),
    }
    # Inside a script element "</script" would end it, and "<!--" change how it is read.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    with open(TEMPLATE, encoding="utf-8") as file:
        before, _, after = file.read().partition(MARK)
    with open_output(path) as stream:
        stream.write(before)
        stream.write(text)
        stream.write(after)
