"""Time whole processes side by side, and keep the results in RESULTS.md.

Runs of the programs alternate (a, b, a, b, ...), so that a machine that slows down slows both;
one run of each goes before the first measured one and fills caches.
"""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"
HEADER = "# Results\n\nMade by the scripts in this folder; each replaces its own section.\n"


class Run(NamedTuple):
    """One process: how long it took, how much memory it held at most, what it printed."""

    seconds: float
    peak_mb: float
    output: str
    log: str = ""  # what it wrote to stderr


class Timing(NamedTuple):
    """Several runs of one command."""

    runs: list[Run]

    @property
    def median(self) -> float:
        """Median of the wall-clock seconds."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def peak_mb(self) -> float:
        """Highest peak of resident memory, in MB (10^6 bytes)."""
        return max(run.peak_mb for run in self.runs)

    @property
    def output(self) -> str:
        """What the last run printed."""
        return self.runs[-1].output


def run(command: Sequence[str]) -> Run:
    """Run a command to its end; stop the program if it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            err.seek(0)
            message = err.read().decode(errors="replace").strip()[-2000:]
            sys.exit(f"exit {process.returncode}: {' '.join(command)}\n{message}")
        out.seek(0)
        err.seek(0)
        unit = 1 if sys.platform == "darwin" else 1024
        log = err.read().decode(errors="replace")
        return Run(seconds, usage.ru_maxrss * unit / 1e6, out.read().decode(), log)


def interleave(commands: Mapping[str, Sequence[str]], repeat: int) -> dict[str, Timing]:
    """Time each command `repeat` times, in turn, after one run of each that does not count."""
    for command in commands.values():
        run(command)
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(repeat):
        for name, command in commands.items():
            runs[name].append(run(command))
    return {name: Timing(measured) for name, measured in runs.items()}


def cpu_model() -> str:
    """What the processor calls itself."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine(packages: Sequence[str]) -> str:
    """One paragraph: processor, cores, system, versions of Python and of the packages."""
    versions = []
    for package in packages:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{package} (not installed)")
    return (
        f"{cpu_model()}, {usable_cores()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}; {', '.join(versions)}. "
        f"{time.strftime('%Y-%m-%d', time.gmtime())}."
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first and the last are numbers."""
    rules = ["---", *["---:"] * (len(header) - 2), "---"]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, rules, *rows]) + "\n"


def show_seconds(seconds: float) -> str:
    """Seconds with three significant digits."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms" if seconds < 0.9995 else "1.00 s"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"


def write_section(title: str, body: str, path: Path = RESULTS) -> None:
    """Put a section into the file, in the place of the one with the same title."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEADER
    head, *sections = text.split("\n## ")
    section = f"{title}\n\n{body.strip()}\n"
    titles = [known.split("\n", 1)[0] for known in sections]
    if title in titles:
        sections[titles.index(title)] = section
    else:
        sections.append(section)
    parts = [part.rstrip("\n") + "\n" for part in [head, *sections]]
    path.write_text("\n## ".join(parts), encoding="utf-8", newline="\n")
