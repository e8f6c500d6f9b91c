"""Names that the command line and the program share."""

METRICS = ("cosine", "euclidean", "mul")
NEIGHBOUR_METRICS = ("cosine", "euclidean")
FORMATS = ("text", "tsv", "json", "jsonl")
