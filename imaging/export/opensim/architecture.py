"""Muscle parameters of a model from the person's own architecture; pure, without OpenSim.

Optimal fibre length is the fascicle length at a sarcomere length of 2.7 um [1]_. Pennation there
keeps the muscle's thickness: ``sin(a_o) = L_f sin(a) / L_o`` [2]_. Maximal force is specific
tension times ``V / L_o``: without the cosine of pennation that functional PCSA has, because the
model itself takes the part of the force along the tendon.

References
----------
.. [1] Lieber et al., J Neurophysiol 1994;71:874-881.
.. [2] Zajac, Crit Rev Biomed Eng 1989;17:359-411.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from imaging.config import ModelSettings
from imaging.export.opensim.parameters import UNITS, ModelMuscle, Parameter
from imaging.measures import Measure, Status
from imaging.muscles import (
    Side,
    catalogue,
    is_known,
    label_of,
    side_of,
    single_keys,
    structure,
    structure_of,
)

OPTIMAL_SARCOMERE_UM = 2.7
_OF_MAP = ("optimal_fibre_length", "pennation_at_optimal", "max_isometric_force")
# Where human filaments overlap: Walker and Schrodt, Anat Rec 1974;178:63-81.
_SARCOMERE_UM = (1.27, 4.24)
_WEAKEST: tuple[Status, ...] = ("measured", "extrapolated", "modelled", "assumed")
# Full models leave these out, so that the others do not stand for them.
_SELDOM_MODELLED = frozenset({"PT", "PLA", "POP"})

Rows = Mapping[tuple[int, str], Measure]


def by_label(measures: Iterable[Measure]) -> dict[tuple[int, str], Measure]:
    """Return measures by label and name."""
    return {(m.label, m.measure): m for m in measures}


def model_parameters(
    rows: Rows, generic: Mapping[int, ModelMuscle], settings: ModelSettings
) -> list[Parameter]:
    """Return fibre length, pennation and force of every muscle of the lower leg in a model.

    Parameters
    ----------
    rows
        Measures of the map, by label and name.
    generic
        Muscles of the model, by label.
    settings
        Sarcomere length, specific tension.
    """
    out: list[Parameter] = []
    for label, muscle in generic.items():
        sarcomere, source = _sarcomere_um(settings, muscle)
        if not _SARCOMERE_UM[0] <= sarcomere <= _SARCOMERE_UM[1]:
            why = f"{source}: no such sarcomere bears force; give model.pose or the length itself"
            out += [_missing(label, name, why) for name in _OF_MAP]
            continue
        out += _of_fascicles(rows, label, sarcomere, source)
        force = _own_force(rows, label, sarcomere, source, settings)
        if force.value is None:
            force = _share_of_merged(rows, label, generic, settings) or force
        if why := _stands_for_others(label, generic):
            force = replace(force, value=None, ci_low=None, ci_high=None, sd=None, n=None,
                            status="not_measured", note=why)  # fmt: skip
        out.append(force)
    return [_with_generic(row, generic[row.label]) for row in out]


def plain_parameters(rows: Rows, settings: ModelSettings) -> list[Parameter]:
    """Return the parameters of every muscle of the map, where there is no model.

    Slack length needs the path of the muscle, so that it is not measured here.
    """
    out: list[Parameter] = []
    labels = [v for v, name in rows if name == "volume" and is_known(v)]
    for label in sorted(v for v in labels if structure_of(v).is_muscle):
        sarcomere, source = _sarcomere_um(settings, None)
        out += _of_fascicles(rows, label, sarcomere, source)
        out.append(_missing(label, "tendon_slack_length", "no OpenSim model was given"))
        out.append(_own_force(rows, label, sarcomere, source, settings))
    return out


def _sarcomere_um(settings: ModelSettings, muscle: ModelMuscle | None) -> tuple[float, str]:
    """Return the sarcomere length in the scan, and where it comes from."""
    if settings.sarcomere_length_um is not None:
        return settings.sarcomere_length_um, f"sarcomeres of {settings.sarcomere_length_um:g} um"
    if muscle is None:
        return OPTIMAL_SARCOMERE_UM, "fascicles taken to be at their optimal length in the scan"
    length = OPTIMAL_SARCOMERE_UM * muscle.rest_fibre_length_norm
    return length, f"sarcomeres of {length:.3g} um, as the generic model has in the scan's pose"


def _of_fascicles(rows: Rows, label: int, sarcomere_um: float, source: str) -> list[Parameter]:
    """Return optimal fibre length and pennation there; both or neither."""
    names = ("optimal_fibre_length", "pennation_at_optimal")
    length, angle = rows.get((label, "fascicle_length")), rows.get((label, "pennation_line"))
    if length is None or angle is None or length.value is None or angle.value is None:
        why = _why(length if length is None or length.value is None else angle)
        return [_missing(label, name, why) for name in names]
    stretch = sarcomere_um / OPTIMAL_SARCOMERE_UM
    optimal = optimal_pennation_deg(angle.value, stretch)
    low, high = (
        None if a is None else optimal_pennation_deg(a, stretch)
        for a in (angle.ci_low, angle.ci_high)
    )
    if optimal is None:
        why = f"at optimal length the fibre would be longer than the muscle is thick ({source})"
        return [_missing(label, name, why) for name in names]
    status = _weakest(length.status, angle.status, "assumed")
    cut = "; the scan cuts the muscle" if _is_cut(rows, label) else ""
    return [
        Parameter(
            label, "", names[0], "mm", None, length.value / stretch, _over(length.ci_low, stretch),
            _over(length.ci_high, stretch), _over(length.sd, stretch), length.n, status,
            note=source + cut,
        ),
        Parameter(
            label, "", names[1], "deg", None, optimal, low, high, angle.sd, angle.n, status,
            note=f"constant thickness; {source}{cut}",
        ),
    ]  # fmt: skip


def _over(value: float | None, divisor: float) -> float | None:
    return None if value is None else value / divisor


def optimal_pennation_deg(pennation_deg: float, stretch: float) -> float | None:
    """Return pennation at optimal fibre length of a muscle of constant thickness; None: impossible.

    Parameters
    ----------
    pennation_deg
        To the line of action, in the scan.
    stretch
        Fibre length in the scan over optimal fibre length.

    Examples
    --------
    >>> round(optimal_pennation_deg(20.0, 1.1), 2), optimal_pennation_deg(60.0, 1.2)
    (22.1, None)
    """
    sine = math.sin(math.radians(pennation_deg)) * stretch
    return math.degrees(math.asin(sine)) if 0 <= sine < 1 else None


def _own_force(
    rows: Rows, label: int, sarcomere_um: float, source: str, settings: ModelSettings
) -> Parameter:
    """Return the maximal force of a muscle with a label of its own."""
    name = "max_isometric_force"
    volume, length = rows.get((label, "volume")), rows.get((label, "fascicle_length"))
    if volume is None or volume.value is None:
        return _missing(label, name, _why(volume))
    if _is_cut(rows, label):
        return _missing(label, name, "the scan cuts the muscle: its whole volume is not known")
    if length is None or length.value is None:
        return _missing(label, name, _why(length))

    def force(length_mm: float | None) -> float | None:
        if length_mm is None:
            return None
        optimal = length_mm * OPTIMAL_SARCOMERE_UM / sarcomere_um
        return maximal_force_n(volume.value or 0.0, optimal, settings.specific_tension_n_cm2)

    return Parameter(
        label, "", name, "N", None, force(length.value), force(length.ci_high),
        force(length.ci_low), status="assumed",
        note=f"{_tension(settings)}; {source}; interval of the fascicle length alone",
    )  # fmt: skip


def maximal_force_n(volume_ml: float, length_mm: float, tension_n_cm2: float) -> float:
    """Return specific tension (N/cm2) times volume (ml) over optimal fibre length (mm).

    Examples
    --------
    >>> maximal_force_n(100.0, 50.0, 60.0)
    1200.0
    """
    return tension_n_cm2 * volume_ml / (length_mm / 10)


def _share_of_merged(
    rows: Rows, label: int, generic: Mapping[int, ModelMuscle], settings: ModelSettings
) -> Parameter | None:
    """Return a muscle's share of the volume of a merged label, by the model's own proportions."""
    key, side = structure_of(label).key, side_of(label)
    for group in (s.key for s in catalogue() if s.tissue == "group" and s.key != "MUSCLE"):
        whole = label_of(group, side)
        volume = rows.get((whole, "volume"))
        if key not in single_keys(group) or volume is None or volume.value is None:
            continue
        parts = [label_of(k, side) for k in sorted(single_keys(group))]
        alone = any((rows.get((v, "volume")) or _NONE).value is not None for v in parts)
        if _is_cut(rows, whole) or alone or any(v not in generic for v in parts):
            continue
        own = generic[label]
        total = sum(generic[v].max_isometric_force_n * generic[v].optimal_fibre_length_mm
                    for v in parts)  # fmt: skip
        share = own.max_isometric_force_n * own.optimal_fibre_length_mm / total
        return Parameter(
            label, "", "max_isometric_force", "N", None,
            maximal_force_n(volume.value * share, own.optimal_fibre_length_mm,
                            settings.specific_tension_n_cm2),
            status="assumed",
            note=f"{_tension(settings)}; {share:.0%} of the volume of {group} and the fibre "
            "length, as the generic model has them",
        )  # fmt: skip
    return None


_NONE = Measure(0, "volume", None, "ml", status="not_measured")


def _stands_for_others(label: int, generic: Mapping[int, ModelMuscle]) -> str:
    """Return why a muscle of a reduced model keeps its force: it may stand for its neighbours."""
    side, own = side_of(label), structure_of(label)
    absent = sorted(
        s.key
        for s in catalogue()
        if s.tissue == "muscle" and s.compartment == own.compartment
        and s.key not in _SELDOM_MODELLED and label_of(s.key, side) not in generic
    )  # fmt: skip
    if not absent:
        return ""
    return f"the model has no {', '.join(absent)}: its {own.key} may stand for more than itself"


def _tension(settings: ModelSettings) -> str:
    return f"specific tension {settings.specific_tension_n_cm2:g} N/cm2 (published 22.5 to 61)"


def _is_cut(rows: Rows, label: int) -> bool:
    coverage = rows.get((label, "coverage"))
    return coverage is None or coverage.value != 1


def _why(row: Measure | None) -> str:
    return "not in the map" if row is None else row.note or "not measured"


def _weakest(*statuses: Status) -> Status:
    return max(statuses, key=_WEAKEST.index)


def _missing(label: int, name: str, why: str) -> Parameter:
    return Parameter(label, "", name, UNITS[name], None, None, status="not_measured", note=why)


def _with_generic(row: Parameter, muscle: ModelMuscle) -> Parameter:
    return replace(row, muscle=muscle.name, generic=muscle.value(row.parameter))


def unused_labels(rows: Rows, generic: Mapping[int, ModelMuscle]) -> list[str]:
    """Return the measured muscles of the map that the model cannot take, with the reason."""
    out = []
    for label in sorted({v for v, name in rows if name == "volume"}):
        if rows[label, "volume"].value is None or label in generic:
            continue
        if not is_known(label):
            out.append(f"label {label}: not in the catalogue")
            continue
        side: Side = side_of(label)
        keys = single_keys(structure_of(label).key)
        if side == "undecided":
            out.append(f"{structure_of(label).key}: its side is not known")
        elif not any(label_of(k, side) in generic for k in keys):
            out.append(f"{side} {structure(structure_of(label).key).key}: not in the model")
    return out
