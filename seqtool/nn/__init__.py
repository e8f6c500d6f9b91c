"""The engine of recurrent models: layers with explicit forward and backward passes, and a trainer.

There is no automatic differentiation: every layer says what its gradient is, so that the equations
of the textbook can be read here. Sequences are arrays of shape (time, batch, feature); rows of a
batch that are shorter than the longest are padded at the end, and ``lengths`` says where.
"""
