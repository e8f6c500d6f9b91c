"""Sound: reading it, cutting it, changing it, and the features that acoustic models take.

Samples are float32, mono, of shape (samples,) and mostly in -1..1; features are float32 of shape
(frames, size).
"""
