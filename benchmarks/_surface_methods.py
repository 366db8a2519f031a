"""Ways from a mask to a surface that ``benchmarks.surfaces`` compares."""

from __future__ import annotations

from imaging.geometry import mask_surface, share_surface

METHODS = {"mask": mask_surface, "shares": share_surface}
