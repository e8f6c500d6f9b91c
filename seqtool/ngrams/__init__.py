"""Language models of n-grams: estimating, scoring, stepping, and their files.

>>> from seqtool.ngrams.estimate import estimate
>>> from seqtool.ngrams.arpa import read_arpa, write_arpa
>>> from seqtool.ngrams.files import load_ngrams, save_ngrams
"""
