"""Pennate: 3-D architectural muscle maps of the lower leg."""

__version__ = "0.1.0"
