"""Models that people already have, run where they are and translated into the catalogue."""
