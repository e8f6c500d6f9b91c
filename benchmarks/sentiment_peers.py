"""What sentiment.py compares with: one supervised training of fastText in a process of its own.

    python benchmarks/sentiment_peers.py TRAIN [TEST...] --ngrams 2 --epochs 5

Prints a line of JSON with the accuracy on each file of TEST, in percent.
"""

import argparse
import json


def main() -> None:
    """Train and test."""
    import fasttext

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("train", help="lines of __label__x text")
    parser.add_argument("tests", nargs="*", help="the same, to test on")
    for name, default in (
        ("ngrams", 2), ("epochs", 5), ("dim", 16), ("buckets", 1 << 18), ("threads", 2),
        ("seed", 1),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rate", type=float, default=0.25)
    arguments = parser.parse_args()
    model = fasttext.train_supervised(
        arguments.train,
        wordNgrams=arguments.ngrams,
        epoch=arguments.epochs,
        dim=arguments.dim,
        bucket=arguments.buckets,
        lr=arguments.rate,
        thread=arguments.threads,
        seed=arguments.seed,
        verbose=0,
    )
    print(json.dumps({"accuracies": [100 * model.test(path)[1] for path in arguments.tests]}))


if __name__ == "__main__":
    main()
