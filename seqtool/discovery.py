"""Finds the plugins that are installed, without importing anything.

``importlib.metadata.entry_points`` gives the same answer but costs about 20 ms to import, more
than everything else that ``seqtool --help`` does. The format is simple: a distribution leaves a
folder ``NAME-VERSION.dist-info`` (or ``NAME.egg-info``) on sys.path, and the folder may hold
``entry_points.txt``, sections of ``name = module:object`` lines.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

GROUP = "seqtool"


class EntryPoint(NamedTuple):
    """One line of an ``entry_points.txt``, and the distribution it came with."""

    name: str
    value: str
    distribution: str
    folder: str

    @property
    def version(self) -> str:
        """Version of the distribution, or "" when its metadata does not say."""
        return _version(self.folder)


def entry_points(path: Iterable[str] | None = None) -> list[EntryPoint]:
    """Return the plugins found on ``path`` (default: sys.path).

    The distribution ``seqtool`` comes first, the others follow by name. Of a distribution that
    is found twice only the first counts, as for imports.
    """
    seen: set[str] = set()
    found: list[EntryPoint] = []
    for folder in sys.path if path is None else path:
        for name, metadata in _distributions(folder or "."):
            if name in seen:
                continue
            seen.add(name)
            found += _read(name, metadata)
    found.sort(key=lambda point: (point.distribution != GROUP, point.distribution))
    return found


def normalize(name: str) -> str:
    """Return the canonical spelling of a distribution's name: ``Seq_Tool`` is ``seq-tool``."""
    name = name.lower().replace("_", "-").replace(".", "-")
    while "--" in name:
        name = name.replace("--", "-")
    return name


def _distributions(folder: str) -> Iterator[tuple[str, str]]:
    """Yield (normalized name, metadata folder) of each distribution that lies in ``folder``."""
    try:
        names = os.listdir(folder)
    except OSError:  # missing, not a folder (a zip), not readable: no plugins from there
        return
    for name in names:
        stem, _, ending = name.rpartition(".")
        if ending == "dist-info":  # NAME-VERSION
            yield normalize(stem.rpartition("-")[0]), f"{folder}/{name}"
        elif ending == "egg-info":  # NAME or NAME-VERSION-pyX.Y
            yield normalize(stem.partition("-")[0]), f"{folder}/{name}"


def _read(distribution: str, folder: str) -> list[EntryPoint]:
    try:
        with open(f"{folder}/entry_points.txt", encoding="utf-8") as file:
            text = file.read()
    except (OSError, ValueError):  # most have none; a broken one offers nothing
        return []
    if f"[{GROUP}]" not in text:
        return []
    pairs = parse_group(text.split("\n"), GROUP)
    return [EntryPoint(name, value, distribution, folder) for name, value in pairs]


def parse_group(lines: Sequence[str], group: str) -> list[tuple[str, str]]:
    """Return the (name, value) pairs of one section of an ``entry_points.txt``."""
    pairs = []
    inside = False
    for raw in lines:
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            inside = line[1:-1] == group
        elif inside and line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            if equals:
                pairs.append((name.strip(), value.strip()))
    return pairs


def _version(folder: str) -> str:
    for name in ("METADATA", "PKG-INFO"):
        try:
            with open(f"{folder}/{name}", encoding="utf-8", errors="replace") as file:
                for line in file:
                    if line.startswith("Version:"):
                        return line.partition(":")[2].strip()
                    if line == "\n":  # the end of the headers
                        break
        except OSError:
            continue
    return ""
