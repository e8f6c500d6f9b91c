"""Make the built-in vectors of `seqtool analogy`: models/english.safetensors in its package.

    SEQTOOL_DATA=... python tools/make_english_vectors.py

Reads text/wiki-en.txt.xz (a part of the English Wikipedia of 2018) and words/ of SEQTOOL_DATA. It
takes about five minutes; the same text and the same seqtool give the same file on one kind of
processor.
"""

import lzma
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from seqtool.vectors import WordVectors, load_vectors, save_vectors
from seqtool.vectors.evaluation import evaluate_file

TARGET = Path(__file__).parents[1] / "plugins/seqtool_analogy/models/english.safetensors"
WORDS = 20_000
WORD = re.compile(r"[a-z]+|[0-9]+")
OPTIONS = ["--method", "skipgram", "--dim", "100", "--window", "5", "--negatives", "5"]
OPTIONS += ["--epochs", "15", "--seed", "1", "--deterministic"]
CARD = """\
20,000 English words in lower case, 100 dimensions, trained on Wikipedia
Skip-gram with negative sampling on 16.7 million words of 2018, kept as a byte a number. Good for
trying things out and for common words; it knows no capitals, no rare names and nothing after 2018,
and it repeats the prejudices of its text. Scores of these vectors: {scores}."""
LICENCE = "CC BY-SA 4.0 (made from text of Wikipedia)"


def main() -> None:
    """Write the words, train, keep the most frequent, quantise, test."""
    data = Path(os.environ["SEQTOOL_DATA"])
    with tempfile.TemporaryDirectory() as folder:
        text, full = Path(folder, "wiki.txt"), Path(folder, "full.safetensors")
        with (
            lzma.open(data / "text/wiki-en.txt.xz", "rt", encoding="utf-8", newline="\n") as source,
            open(text, "w", encoding="ascii", newline="\n") as target,
        ):
            target.writelines(" ".join(WORD.findall(line.lower())) + "\n" for line in source)
        command = [sys.executable, "-m", "seqtool", "train-embeddings", str(text)]
        subprocess.run([*command, "-o", str(full), *OPTIONS], check=True)
        vectors = load_vectors(str(full), limit=WORDS)
    metadata = {
        "arguments": " ".join(OPTIONS),
        "corpus_sha256": vectors.metadata["corpus_sha256"],
        "seed": 1,
        "licence": LICENCE,
    }
    TARGET.parent.mkdir(exist_ok=True)
    save_vectors(str(TARGET), vectors, metadata, quantize="int8")
    small = load_vectors(str(TARGET))
    scores = "; ".join(_score(small, data / "words", name) for name in _tests(data / "words"))
    metadata["card"] = CARD.format(scores=scores)
    save_vectors(str(TARGET), small, metadata, quantize="int8")
    print(metadata["card"])


def _tests(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".txt")


def _score(vectors: WordVectors, folder: Path, name: str) -> str:
    return f"{name}: {evaluate_file(vectors, str(folder / name))}"


if __name__ == "__main__":
    main()
