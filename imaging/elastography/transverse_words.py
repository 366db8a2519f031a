"""What is said of moduli of fibres beside their figures: citations, refusals and doubts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imaging.elastography.transverse_draws import ASSUMED_DEG
from imaging.muscles import structure_of

#: A modulus whose 95 % interval reaches further than this share of it either way is flagged.
UNSURE_HALF_WIDTH = 0.2
ONE_CHANNEL = (
    "one driver at one frequency cannot tell the moduli across and along the fibres apart: further "
    "drivers or frequencies are needed"
)
CITATIONS = (
    "Tweten DJ, Okamoto RJ, Schmidt JL, Garbow JR, Bayly PV. Estimation of material parameters "
    "from slow and fast shear waves in an incompressible, transversely isotropic material. J "
    "Biomech 2015;48:4002-4009.",
    "Romano AJ, Shirron JJ, Bucaro JA. On the noninvasive determination of material parameters "
    "from a knowledge of elastic displacements: theory and numerical simulation. IEEE Trans "
    "Ultrason Ferroelectr Freq Control 1998;45:751-759.",
)


def _named(labels: Sequence[int]) -> str:
    return ", ".join(f"{structure_of(v).key} ({v})" if v else "all tissue" for v in labels)


def doubts(
    held: Mapping[int, frozenset[str] | None],
    unsure: Mapping[int, frozenset[str]],
    frequencies: int,
    *,
    isotropic: bool,
    unlabelled: bool,
    assumed: bool,
) -> list[str]:
    """Return what a reader of the moduli must know.

    Parameters
    ----------
    held
        Per label the moduli that were measured; None where the muscle holds no test function.
    unsure
        Per label the moduli with wide intervals.
    frequencies
        Number of them.
    isotropic
        One modulus was fitted instead of three.
    unlabelled
        All tissue was taken as one muscle.
    assumed
        The uncertainty of fibre directions was not given.
    """
    out = []
    if isotropic:
        out.append(
            f"Moduli across and along the fibres were not measured: {ONE_CHANNEL}. The value "
            "given takes muscle as isotropic."
        )
    else:
        for name, text in (("mu_perp", "μ⊥"), ("mu_par", "μ∥"), ("e_par", "E∥")):
            if lost := [v for v, h in held.items() if h is not None and name not in h]:
                out.append(
                    f"{text} was not measured, the waves do not tell it, in: {_named(lost)}."
                )
            if wide := [v for v, u in unsure.items() if name in u]:
                out.append(
                    f"{text} is unsure (95 % interval beyond ±{UNSURE_HALF_WIDTH:.0%}) in: "
                    f"{_named(wide)}."
                )
    if thin := [v for v, h in held.items() if h is None]:
        out.append(
            f"Too thin in the wave images for moduli of fibres, not measured: {_named(thin)}."
        )
    if unlabelled:
        out.append("Without muscle labels, moduli of fibres mix across muscle borders.")
    if assumed and not isotropic:
        out.append(f"The uncertainty of fibre directions was assumed: {ASSUMED_DEG:g} degrees.")
    if frequencies > 1 and not isotropic:
        out.append("One set of moduli was fitted to all frequencies.")
    return out
