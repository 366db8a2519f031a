"""File formats of the core's own types: images, tracts, surfaces, JSON."""
