"""What the stage says of synergies, coordination, conditions and fatigue."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from imaging.config import FunctionSettings
from imaging.function import coherence, conditions, fatigue, synergies
from imaging.function.network import Network
from imaging.measures import Notes

CITATIONS = (
    "Lee DD, Seung HS. Learning the parts of objects by non-negative matrix factorization. Nature "
    "1999;401:788-791.",
    "Cheung VCK, d'Avella A, Tresch MC, Bizzi E. Central and sensory contributions to the "
    "activation and organization of muscle synergies during natural motor behaviors. J Neurosci "
    "2005;25:6419-6434.",
    "Santuz A. musclesyneRgies: factorization of electromyographic data in R with sensible "
    "defaults. J Open Source Softw 2022;7:4439.",
    "Falconer K, Winter DA. Quantitative assessment of co-contraction at the ankle joint in "
    "walking. Electromyogr Clin Neurophysiol 1985;25:135-149.",
    "Rudolph KS, Axe MJ, Snyder-Mackler L. Dynamic stability after ACL injury: who can hop? Knee "
    "Surg Sports Traumatol Arthrosc 2000;8:262-269.",
    "Halliday DM, Rosenberg JR, Amjad AM, et al. A framework for the analysis of mixed time "
    "series/point process data. Prog Biophys Mol Biol 1995;64:237-278.",
    "Laird NM, Ware JH. Random-effects models for longitudinal data. Biometrics 1982;38:963-974.",
    "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65-70.",
)
_CRITERIA = {
    "straight_line": "from where R2 over their number is a straight line (mean squared residual "
    f"below {synergies.STRAIGHT_MSE:g})",
    "vaf": f"the fewest that account for more than {synergies.VAF:g} of all muscles together",
    "vaf_muscle": f"the fewest that account for more than {synergies.VAF:g} of each muscle",
}


def with_network(notes: Notes, network: Network, settings: FunctionSettings) -> Notes:
    """Return the notes of the stage with those of the network."""
    return replace(
        notes,
        method=f"{notes.method} {_method(network, settings)}".strip(),
        citations=(*notes.citations, *CITATIONS),
        warnings=(*notes.warnings, *_warnings(network)),
    )


def _method(network: Network, settings: FunctionSettings) -> str:
    said = []
    if len(network.synergies):
        said.append(
            "Synergies are non-negative factors of the envelopes of a side over its strides "
            f"({synergies.MOST_STRIDES} at most, spread evenly; minimum taken off, maximum 1), the "
            f"best of {synergies.RESTARTS} random starts; their number: "
            f"{_CRITERIA[settings.synergy_criterion]}. Intervals of weights are over resampled "
            "strides, from the same start; other solutions that fit as well are told by the "
            "agreement of the random starts."
        )
    if len(network.coordination):
        said.append(
            "Co-contraction is, at every percent of the cycle, the lower over the higher envelope "
            "times their sum (Rudolph), and twice the common over the summed area (Falconer and "
            "Winter). Coherence is of signals that are not rectified, in windows of "
            f"{coherence.WINDOW_S:g} s; its limit is the 95th percentile after phases are turned "
            "at random."
        )
    if len(network.conditions):
        said.append(
            "Conditions are compared by linear mixed models with an intercept per recording, or "
            "over strides where each has one recording; strides that resemble their neighbours "
            "widen the interval, and p is corrected over muscles by Holm's procedure."
        )
    if len(network.fatigue):
        said.append(
            f"Drift is the slope over at least {fatigue.FEWEST_STRIDES} strides; that of the "
            f"median frequency over at least {fatigue.FEWEST_WINDOWS} windows of "
            f"{fatigue.WINDOW_S:g} s of a sustained contraction."
        )
    return " ".join(said)


def _warnings(network: Network) -> list[str]:
    said = []
    table = network.synergies
    counts = _counts(table)
    few = {t: n for t, n in counts.items() if n < 8}
    if few:
        listed = "; ".join(f"{side} of {trial}: {n}" for (trial, side), n in few.items())
        said.append(f"Synergies of few muscles ({listed}) are few by that alone.")
    loose = table[(table["part"] == "agreement") & (table["value"] < 0.9)]
    for (trial, side), rows in loose.groupby(["trial", "side"]):
        numbers = ", ".join(str(k) for k in rows["synergy"])
        said.append(
            f"Synergies {numbers} of the {side} side in {trial} are not the only ones that fit: "
            "random starts give others."
        )
    if (network.conditions["note"] == conditions.ONE_EACH).any():
        said.append(
            "A condition has one recording: what else differs between the recordings, such as a "
            "sensor put on again, is in its effect."
        )
    together = network.conditions["note"].astype(str)
    for note in dict.fromkeys(together[together.str.contains("change together")]):
        said.append(f"Conditions cannot be told apart: {note}.")
    return said


def _counts(table: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Return the number of muscles of every recording and side."""
    weights = table[(table["part"] == "weight") & (table["synergy"] == 1)]
    return {(str(t), str(s)): len(g) for (t, s), g in weights.groupby(["trial", "side"])}
