"""What the probe may have changed between two figures of ultrasound."""

from __future__ import annotations

from collections.abc import Sequence

# rho c^2 rises by 10 % from 0 to 10 degrees in the frame, by 37 % to 20: docs/ultrasound.md.
_TURNED_DEG = 5.0
#: Sarabon et al. 2019, PLoS One: smallest changes told apart, at rest and stretched.
PLACED_AGAIN = (
    "the interval is of these frames only: where the probe was placed again, changes below 6 to "
    "16 % (Sarabon et al. 2019) may come from that"
)


def doubts(measure: str, angles_deg: Sequence[float | None], differ: bool) -> list[str]:
    """Say why two figures may differ though the muscle does not.

    Parameters
    ----------
    measure
        Name of the figure.
    angles_deg
        Between wave and fibre, of the first and the second; None where not known.
    differ
        Whether the two differ beyond their intervals.
    """
    out = [PLACED_AGAIN] if differ else []
    if measure != "stiffness_swe_shear":
        return out
    first, second = angles_deg
    if first is None or second is None:
        return [*out, "the angle between wave and fibre, which changes rho c^2, is not known"]
    if abs(second - first) > _TURNED_DEG:
        out.append(
            f"the wave ran at {first:.0f} and at {second:.0f} degrees to the fibres, which changes "
            "rho c^2 by itself"
        )
    return out
