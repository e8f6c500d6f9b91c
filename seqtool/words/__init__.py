"""Tables of words with counts: a corpus counted in bounded memory."""
