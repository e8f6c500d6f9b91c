"""What embeddings.py compares with: one job of gensim or fastText in a process of its own.

    python benchmarks/embedding_peers.py gensim TEXT --method skipgram --objective ns --epochs 1

Prints a line of JSON. fastText tells its speed on stderr.
"""

import argparse
import json
import time
from typing import Any


def train_gensim(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train from a file of sentences a line; the seconds are those of `train` alone."""
    from gensim.models import Word2Vec

    hs = arguments.objective == "hs"
    model = Word2Vec(
        vector_size=arguments.dim,
        window=arguments.window,
        min_count=arguments.min_count,
        sample=arguments.sample,
        sg=int(arguments.method == "skipgram"),
        hs=int(hs),
        negative=0 if hs else arguments.negatives,
        workers=arguments.threads,
        seed=arguments.seed,
    )
    model.build_vocab(corpus_file=arguments.file)
    start = time.perf_counter()
    _, passed = model.train(
        corpus_file=arguments.file,
        total_examples=model.corpus_count,
        total_words=model.corpus_total_words,
        epochs=arguments.epochs,
    )
    seconds = time.perf_counter() - start
    if arguments.output:
        model.wv.save_word2vec_format(arguments.output, binary=True)
    return {"seconds": seconds, "passed": passed, "words": len(model.wv)}


def train_fasttext(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train without writing anything; the last line on stderr holds words/sec/thread."""
    import fasttext

    model = fasttext.train_unsupervised(
        arguments.file,
        model=arguments.method,
        loss=arguments.objective,
        dim=arguments.dim,
        ws=arguments.window,
        neg=arguments.negatives,
        t=arguments.sample,
        minCount=arguments.min_count,
        minn=3 if arguments.subwords else 0,
        maxn=6 if arguments.subwords else 0,
        bucket=2_000_000 if arguments.subwords else 0,
        epoch=arguments.epochs,
        thread=arguments.threads,
        verbose=2,
    )
    return {"words": len(model.words)}


def evaluate(arguments: argparse.Namespace) -> dict[str, Any]:
    """gensim's accuracy on analogies among all words; the seconds are those of the call."""
    from gensim.models import KeyedVectors

    vectors = KeyedVectors.load_word2vec_format(arguments.file, binary=True)
    start = time.perf_counter()
    score, sections = vectors.evaluate_word_analogies(
        arguments.questions, restrict_vocab=len(vectors)
    )
    seconds = time.perf_counter() - start
    asked = sum(len(sections[-1][kind]) for kind in ("correct", "incorrect"))
    return {
        "seconds": seconds,
        "accuracy": 100 * float(score),
        "questions": asked,
        "words": len(vectors),
    }


JOBS = {"gensim": train_gensim, "fasttext": train_fasttext, "evaluate": evaluate}


def main() -> None:
    """Do one job."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("file", help="text to train on, or vectors to evaluate")
    parser.add_argument("--questions", help="what to evaluate on")
    parser.add_argument("--method", choices=["skipgram", "cbow"], default="skipgram")
    parser.add_argument("--objective", choices=["ns", "hs"], default="ns")
    parser.add_argument("--subwords", action="store_true")
    parser.add_argument("--output", help="write the vectors here (gensim)")
    for name, default in (
        ("dim", 100), ("window", 5), ("negatives", 5), ("min-count", 5), ("epochs", 1),
        ("threads", 2), ("seed", 1),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--sample", type=float, default=1e-3)
    arguments = parser.parse_args()
    print(json.dumps(JOBS[arguments.job](arguments)))


if __name__ == "__main__":
    main()
