"""Sentences about shear-wave frames, for notes and the report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imaging.stiffness import to_pascal
from imaging.ultrasound.angles import Ratios
from imaging.ultrasound.declaration import FrameDeclaration
from imaging.ultrasound.locate import Located

CITATIONS = (
    "Bercoff J, Tanter M, Fink M. Supersonic shear imaging: a new technique for soft tissue "
    "elasticity mapping. IEEE Trans Ultrason Ferroelectr Freq Control 2004;51:396-409.",
    "Arun KS, Huang TS, Blostein SD. Least-squares fitting of two 3-D point sets. IEEE Trans "
    "Pattern Anal Mach Intell 1987;9:698-700.",
)
CORRECTION_CITATIONS = (
    "Tweten DJ, Okamoto RJ, Schmidt JL, Garbow JR, Bayly PV. Estimation of material parameters "
    "from slow and fast shear waves in an incompressible, transversely isotropic material. "
    "J Biomech 2015;48:4002-4009.",
)
METHOD = "ultrasound shear-wave elastography, read from colour frames, group speed, broadband push"

# Beyond this a landmark left out says that samples may lie in another muscle.
_FAR_MM = 3.0


def method_sentence(
    declared: Sequence[FrameDeclaration], located: Sequence[Located], used: int
) -> str:
    """Return what was done, with the figures used; `used` is the number of frames read."""
    one = declared[0]
    conversion = to_pascal(np.zeros(1), one.quantity, one.unit, one.density)[2]
    left = sum(len(place.planes) for place in located) - used
    tracked = sum(place.tracked for place in located)
    how = []
    if tracked:
        how.append(f"{tracked} file(s) by the tracked probe")
    if tracked < len(located):
        how.append(f"{len(located) - tracked} file(s) by landmarks alone")
    fits = ", ".join(f"{place.placement.fiducial_mm:.2g}" for place in located)
    return (
        f"Shear-wave frames of ultrasound ({used} used, {left} left out for bad tracking or as "
        "repeats) were read with their own colour bar, the B-mode image beneath removed by "
        "projection onto colour differences, and kept as rho c^2 in Pa "
        f"({conversion}), not corrected for the angle of the fibres. They were placed in the scan: "
        f"{' and '.join(how)} (landmark error {fits} mm, root mean square). The wave is a "
        "broadband pulse timed by its group speed: it has no one frequency, and its values are not "
        "to be averaged with those of magnetic resonance elastography."
    )


def correction_sentence(ratios: Ratios | None) -> str:
    """Return what the corrected values rest on; empty without any."""
    if ratios is None:
        return ""
    tensile = "unknown" if ratios.tensile is None else f"{ratios.tensile:g}"
    return (
        " Beside it stands the modulus along the fibre where that is admissible, from the angle "
        f"of the fibre and the ratios mu_par/mu_perp = {ratios.along:g} and E_par/mu_perp = "
        f"{tensile} ({ratios.source})."
    )


def placement_doubts(name: str, located: Located) -> list[str]:
    """Say what a reader must know of the place of a file's frames."""
    out = []
    if located.skipped:
        count = len(located.skipped)
        out.append(f"{name}: {count} of {len(located.planes)} frames left out, bad tracking.")
    if not located.tracked:
        out.append(
            f"{name} is not tracked: it was placed by landmarks alone, which cannot tell a mirrored"
            " picture."
        )
    left = located.placement.left_out_mm
    if np.isnan(left).any():
        out.append(f"{name}: with three landmarks the error of its place cannot be checked.")
    elif located.placement.left_out_rms_mm > _FAR_MM:
        out.append(
            f"{name}: landmarks left out of the fit are missed by "
            f"{located.placement.left_out_rms_mm:.1f} mm; samples may lie in another muscle."
        )
    return out
