"""Tokenizers: text into pieces of a vocabulary, and back.

A `Tokenizer` normalizes text, splits it into words (the *pre-tokenizer*), and has a *model* cut
each word into pieces. `seqtool.tokenizers.load.load` reads one from a file.
"""
