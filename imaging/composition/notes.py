"""What the stage says beside its figures."""

from __future__ import annotations

from collections.abc import Sequence

from imaging.composition.analysis import FatFraction
from imaging.measures import Notes

_DIXON = (
    "Dixon WT. Simple proton spectroscopic imaging. Radiology 1984;153:189-194.",
    "Hamilton G, Yokoo T, Bydder M, et al. In vivo characterization of the liver fat 1H MR "
    "spectrum. NMR Biomed 2011;24:784-790.",
    "Hernando D, Haldar JP, Sutton BP, et al. Joint estimation of water/fat images and field "
    "inhomogeneity map. Magn Reson Med 2008;59:571-580.",
    "Triay Bagur A, Hutton C, Irving B, Gyngell ML, Robson MD, Brady M. Magnitude-intrinsic "
    "water-fat ambiguity can be resolved with multipeak fat modeling and a multipoint search "
    "method. Magn Reson Med 2019;82:460-475.",
)
_T2 = (
    "Lebel RM, Wilman AH. Transverse relaxometry with stimulated echo compensation. Magn Reson Med "
    "2010;64:1005-1014.",
)


def notes(
    fat: FatFraction | None, n_spin_echoes: int, margin_mm: float, warnings: Sequence[str] = ()
) -> Notes:
    """Return method, citations, warnings and facts.

    Parameters
    ----------
    fat
        None without Dixon images.
    n_spin_echoes
        0 without T2.
    margin_mm
        Kept from the border of each muscle.
    warnings
        Of what was read.
    """
    method: list[str] = []
    facts: dict[str, float] = {}
    cited: list[str] = []
    told = list(warnings)
    if fat is not None:
        method.append(
            "Fat fraction (share of fat in the signal of water and fat) was taken from "
            f"{fat.method}."
        )
        facts["fat_fraction_at_most_percent"] = fat.at_most
        cited += _DIXON
        told.append(
            "Fat fraction is that of the signal: a flip angle beyond a few degrees makes fat, "
            "whose T1 is short, look more."
        )
        if fat.at_most < 100:
            told.append(
                f"Fat fraction is at most {fat.at_most:g} %: these images do not tell which of "
                "water and fat is more, so a muscle of more fat than water is read as the reverse."
            )
    if n_spin_echoes:
        method.append(
            f"T2 was fitted to {n_spin_echoes} spin echoes but the first: one exponential and the "
            "floor of noise."
        )
        cited += _T2
        told.append(
            "T2 is of one exponential, without a model of stimulated echoes: it is longer than T2 "
            "of single spin echoes, and fat lengthens it further."
        )
    method.append(f"Means are over voxels {margin_mm:g} mm inside each muscle.")
    return Notes("composition", " ".join(method), tuple(cited), tuple(told), facts)
