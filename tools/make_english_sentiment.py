"""Make the built-in model of `seqtool sentiment`: models/english.safetensors in its package.

    SEQTOOL_DATA=... python tools/make_english_sentiment.py

Reads text/wiki-en.txt.xz (a part of the English Wikipedia of 2018) and labelled/sst2 (whole
sentences of the Stanford Sentiment Treebank) of SEQTOOL_DATA. It takes about ten minutes, most of
them for word vectors; the same data and the same seqtool give the same file on one kind of
processor.
"""

import json
import lzma
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from seqtool.modelfile import read_model, write_model

TARGET = Path(__file__).parents[1] / "plugins/seqtool_sentiment/models/english.safetensors"
KIND = "text-classifier"
# The words that the classifier knows: n't is one of them, other apostrophes only divide.
WORD = re.compile(r"n't(?![a-z])|[^\W_]+?(?=n't(?![a-z]))|[^\W_]+|[.,!?;:()\"$%&-]")
VECTORS = ["--min-count", "3", "--seed", "1", "--deterministic"]
WORD_VECTORS = ["--dim", "300", "--epochs", "8"]
SUBWORD_VECTORS = ["--dim", "200", "--epochs", "3", "--learning-rate", "0.05", "--subwords"]
SUBWORD_VECTORS += ["--max-ngram", "5", "--buckets", "300000"]
OPTIONS = ["--model", "lstm", "--hidden", "100", "--freeze", "--projection", "100"]
OPTIONS += ["--max-vocab", "21000", "--patience", "10", "--seed", "1"]
CARD = """\
English sentences, positive or negative: a recurrent network (LSTM) reads them both ways
On 6,920 sentences of film reviews (SST-2), with frozen word and subword vectors of Wikipedia; the
epoch with the least loss on the dev sentences is kept. Accuracy on the 1,821 test sentences:
{accuracy:.2f} %. It knows little of other subjects, and repeats the prejudices of its texts."""
LICENCE = "research (the Stanford Sentiment Treebank); its vectors CC BY-SA 4.0 (Wikipedia)"


def main() -> None:
    """Write the words of the corpus, train vectors and model, test, write what the model is."""
    data = Path(os.environ["SEQTOOL_DATA"])
    TARGET.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "wiki.txt")
        with (
            lzma.open(data / "text/wiki-en.txt.xz", "rt", encoding="utf-8", newline="\n") as source,
            open(text, "w", encoding="utf-8", newline="\n") as target,
        ):
            lines = (line.lower().replace("\u2019", "'") for line in source)
            target.writelines(" ".join(WORD.findall(line)) + "\n" for line in lines)
        words, subwords = Path(folder, "words.bin"), Path(folder, "subwords.safetensors")
        seqtool("train-embeddings", text, "-o", words, *VECTORS, *WORD_VECTORS)
        seqtool("train-embeddings", text, "-o", subwords, *VECTORS, *SUBWORD_VECTORS)
        scores = train(data / "labelled" / "sst2", subwords, words)
    tensors, metadata = read_model(str(TARGET), KIND)
    metadata["arguments"]["embeddings"] = [
        " ".join(VECTORS + SUBWORD_VECTORS),
        " ".join(VECTORS + WORD_VECTORS),
    ]
    card = CARD.format(accuracy=scores["accuracy"])
    write_model(str(TARGET), tensors, {**metadata, "licence": LICENCE, "card": card})
    print(card)


def train(folder: Path, *vectors: Path) -> dict[str, Any]:
    """Write the model; returns its scores on the test sentences."""
    options = [part for path in vectors for part in ("--embeddings", path)]
    validation = ("--validation", folder / "dev.tsv")
    files = (folder / "train.tsv", *validation, "-o", TARGET)
    seqtool("sentiment", "train", *files, *OPTIONS, *options)
    test = ("eval", "-m", TARGET, "--format", "json", folder / "test.tsv")
    result = seqtool("sentiment", *test, capture_output=True)
    scores: dict[str, Any] = json.loads(result.stdout)
    return scores


def seqtool(*arguments: str | Path, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    """Run a command. Raises CalledProcessError when it fails."""
    command = [sys.executable, "-m", "seqtool", *map(str, arguments)]
    return subprocess.run(command, check=True, **options)


if __name__ == "__main__":
    main()
