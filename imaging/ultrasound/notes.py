"""What the stage tells beside its figures: sentences of the method, citations, warnings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imaging.muscles import structure_of
from imaging.stiffness import PLAUSIBLE_PA, to_pascal
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

#: Where more of the pixels are at one end of the scale, the quartile there is a bound too.
SATURATED_LIMIT = 0.25
#: Where more of a muscle is void, its median is of the smaller part, and a warning says so.
VOID_LIMIT = 0.5
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
        "repeats) were read as "
        f"{_how_read(declared)}, and kept as rho c^2 in Pa ({conversion}), not corrected for the "
        "angle of the fibres. They were placed in the scan: "
        f"{' and '.join(how)} (landmark error {fits} mm, root mean square). The wave is a "
        "broadband pulse timed by its group speed: it has no one frequency, and its values are not "
        "to be averaged with those of magnetic resonance elastography."
    )


def _how_read(declared: Sequence[FrameDeclaration]) -> str:
    colours = (
        "colours of their own colour bar, the B-mode image beneath removed by projection onto "
        "colour differences"
    )
    values = "values of a raw export"
    kinds = {one.holds_values for one in declared}
    return " or ".join(t for t, kind in ((colours, False), (values, True)) if kind in kinds)


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


def placement_warnings(name: str, located: Located) -> list[str]:
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


def repeats_warning(name: str, count: int) -> str:
    """Say how many frames of a file show the map of the frame before."""
    return f"{name}: {count} frames repeat the map before them, left out."


def bar_ends_warning(off: tuple[float, float]) -> str:
    """Say by how many pixels the colours end off ColorBarBox, at its first and last end."""
    first, last = (f"{v:+.0f}" if np.isfinite(v) else "unseen" for v in off)
    return (
        f"ColorBarBox does not end where the colours end ({first} pixels at its first end, {last} "
        "at its last): values are stretched by as much."
    )


def reversed_bar_warning(direction: str) -> str:
    """Say that the bar seems to have been read the wrong way round."""
    return (
        f"The colour bar, read {direction}, is red at its lowest value and blue at its highest; "
        "nearly all shear-wave scanners show soft tissue blue and stiff tissue red: check "
        "ColorBarDirection, the way in which the values rise."
    )


def opacity_warning(declared: float, best: float) -> str:
    """Say that the colours fit another opacity than the declared one."""
    return (
        f"Opacity is declared as {declared:g}, but the colours fit the bar best at "
        f"{best:g}: values are wrong if it is not what the scanner was set to."
    )


#: Said where no frame of a file tells whether its opacity is right.
UNCHECKED_OPACITY = (
    "The colours lie at one end of the colour bar only, where any opacity fits: values there "
    "depend on Opacity, and whether it is right cannot be told from these frames."
)


def hidden_warning(share: float, low: float, high: float, unit: str) -> str:
    """Say that a share of the bar, between two values, has hardly any colour."""
    return (
        f"{share:.0%} of the colour bar (between {low:.3g} and {high:.3g} "
        f"{unit}) is too near to grey to be read."
    )


def implausible_warning(label: int, median_pa: float) -> str:
    """Say that a muscle's median is one that no muscle has."""
    low, high = PLAUSIBLE_PA
    return (
        f"{_who(label)}: median rho c^2 of {median_pa:.3g} Pa is outside {low:g} Pa to "
        f"{high / 1000:g} kPa: check Range, Units and Quantity."
    )


def saturated_warning(label: int, high: float, low: float) -> str:
    """Say that shares of a muscle's pixels lie at the upper and the lower end of the scale."""
    return f"{_who(label)}: {saturated_sentence(high, low)}: image with another range."


def void_warning(label: int, void: float) -> str:
    """Say that a median is of the smaller part of a muscle, the rest being void."""
    return (
        f"{_who(label)}: {void:.0%} of its pixels inside the colour boxes are void (no colour), so "
        "its median is of the smaller part, which need not be like the rest."
    )


def saturated_sentence(high: float, low: float) -> str:
    """Say of which shares of pixels, at the two ends of the scale, only a bound is known."""
    ends = [(high, "upper", "a lower"), (low, "lower", "an upper")]
    said = [
        f"{share:.0%} of its pixels are at the {end} end of the colour scale, so its median is "
        f"only {bound} bound"
        for share, end, bound in ends
        if share > SATURATED_LIMIT
    ]
    return " and ".join(said)


def _who(label: int) -> str:
    return f"{structure_of(label).name.capitalize()} (label {label})" if label else "All samples"
