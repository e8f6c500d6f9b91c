"""Classic sequence models in the shell; every capability is a plugin."""

__version__ = "0.1.0"
