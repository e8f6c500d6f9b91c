"""Connectionist temporal classification: the loss, the search for the best string, alignment.

Frames of a recording say which symbol is heard, or none: symbol 0, the blank. A string is what
is left of a path through the frames when repeated symbols are joined and blanks are taken out
(Graves et al. 2006, "Connectionist temporal classification", section 3.1).
"""
