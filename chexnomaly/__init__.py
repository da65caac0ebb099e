"""A reproducible companion to the CheX-Nomaly paper (arXiv 2311.01777)."""

__version__ = "0.1.0"
