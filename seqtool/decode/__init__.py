"""From the scores of a model to sequences: sampling, greedy and beam search, stop conditions.

Everything here works on any model that can be stepped (`seqtool.decode.types.StepModel`).
"""
