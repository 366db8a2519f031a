"""Three moduli of muscle with fibres, from waves and fibre directions, by the weak form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from imaging.arrays import BoolArray, ComplexArray, FloatArray, LabelArray
from imaging.elastography.inversion import Inversion, QuantityMap
from imaging.elastography.notes import (
    FIBRE_CITATIONS,
    ONE_CHANNEL,
    UNSURE_HALF_WIDTH,
    fibre_warnings,
)
from imaging.elastography.transverse_draws import direction_error_rad, direction_spread
from imaging.elastography.transverse_fit import MODULI, block_spread, fit_muscle, half_width
from imaging.elastography.transverse_muscle import (
    MuscleEquations,
    Neighbourhoods,
    muscle_equations,
    neighbourhoods,
)
from imaging.elastography.waves import WaveField
from imaging.errors import ComputationError
from imaging.measures import Measure, not_measured
from imaging.muscles import muscle_labels
from imaging.stiffness import PLAUSIBLE_PA

#: Map and quantity of every modulus.
SUFFIX = {"mu_perp": "muperp", "mu_par": "mupar", "e_par": "epar"}
#: Volume of places for bumps below which a muscle is left out, ml.
LEAST_ML = 0.5
#: A modulus whose 95 % interval reaches further than this share of it either way is not measured.
WORST_HALF_WIDTH = 0.5
#: Least share of signal in what is told worst in a voxel.
MIN_CONFIDENCE = 0.3
_BLOCK_M = 0.010
#: Standard error, as a share, that the method has without noise (simulated legs).
_OWN_ERROR = 0.015


@dataclass(frozen=True)
class _Muscle:
    """What came of one muscle."""

    rows: list[Measure]
    held: frozenset[str]
    unsure: frozenset[str]
    equations: MuscleEquations | None = None
    around: Neighbourhoods | None = None


def transverse_isotropic(
    fields: Sequence[WaveField],
    mask: BoolArray,
    directions: FloatArray,
    *,
    labels: LabelArray | None = None,
    dispersion_deg: FloatArray | None = None,
    seed: int = 1,
    window_mm: float = 4.0,
) -> Inversion:
    """Invert waves to the moduli across and along the fibres, voxel by voxel and per muscle.

    Every muscle is fitted on its own, with test functions that lie inside it, so that nothing
    leaks across its borders. One set of moduli is taken to hold for all frequencies given. With
    one driver at one frequency the muscle is taken as isotropic and no modulus of fibres is named.

    Parameters
    ----------
    fields
        One per frequency, on one grid, three components each.
    mask : (I, J, K) bool array
        Tissue.
    directions : (I, J, K, 3) array
        Unit fibre vectors in world axes, sign without meaning; 0 where unknown.
    labels : (I, J, K) int array, optional
        Muscles; without them all tissue with directions counts as one.
    dispersion_deg : (I, J, K) array, optional
        Scatter of single voxels of the diffusion scan about `directions`.
    seed
        Of the redraws of directions.
    window_mm
        Standard deviation of the window around a voxel, beside the width of the test functions.

    Returns
    -------
    Inversion
        Maps ``muperp``, ``mupar``, ``epar`` (magnitudes, Pa; 0 where one does not hold),
        ``condition``, ``confidence``; figures of whole muscles with 95 % intervals.

    Raises
    ------
    ComputationError
        Fewer than three encoding directions, or no muscle holds a test function.
    """
    if not all(f.components_in_world for f in fields):
        raise ComputationError("moduli of fibres need three independent encoding directions")
    fibre = _unit(directions)
    valid = mask & np.logical_and.reduce([f.valid for f in fields])
    # One-sided derivatives at the border belong half a voxel further in.
    valid = ndimage.binary_erosion(valid) & fibre.any(3)
    if labels is None:
        regions = {0: valid}
    else:
        regions = {v: labels == v for v in muscle_labels(np.where(mask, labels, 0))}
    drivers = [f.displacement.shape[4] for f in fields]
    isotropic = sum(drivers) == 1
    if isotropic:
        fibre = np.zeros_like(fibre)
    still = [f.still_gradients for f in fields]
    error = direction_error_rad(dispersion_deg, mask.shape)
    done: dict[int, _Muscle] = {}
    for label, region in regions.items():
        inside = region & valid
        rng = np.random.default_rng([seed, label])
        done[label] = _one_muscle(
            label, fields, still, inside, fibre, None if isotropic else error, rng, window_mm / 1000
        )
    if not any(m.equations for m in done.values()):
        raise ComputationError(
            "no muscle with fibre directions is wide enough in the wave images for a test function"
        )
    maps, found = _maps(done, mask.shape, isotropic)
    hertz = [f.frequency_hz for f in fields]
    model = "an isotropic medium" if isotropic else "a transversely isotropic medium"
    return Inversion(
        method="ti",
        text=f"the weak form of the wave equation in {model}, with smooth test functions inside "
        "each muscle",
        maps=maps,
        mask=found,
        warnings=tuple(
            fibre_warnings(
                {v: m.held if m.equations else None for v, m in done.items()},
                {v: m.unsure for v, m in done.items()},
                len(fields), isotropic=isotropic, unlabelled=labels is None,
                assumed=dispersion_deg is None,
            )
        ),
        muscles=tuple(row for m in done.values() for row in m.rows),
        citations=FIBRE_CITATIONS[1:] if isotropic else FIBRE_CITATIONS,
        facts={
            "frequency_hz": hertz,
            "drivers_per_frequency": drivers,
            "unknown_moduli": 1 if isotropic else 3,
            "window_mm": window_mm,
            "test_function_radius_mm": {
                str(label): [round(1000 * float(r), 2) for r in m.equations.bump.radii_m]
                for label, m in done.items() if m.equations
            },
        },
    )  # fmt: skip


def _unit(directions: FloatArray) -> FloatArray:
    """Return unit vectors (I, J, K, 3) float32, 0 where there is none."""
    found = np.nan_to_num(np.asarray(directions, np.float32))
    length = np.linalg.norm(found, axis=3, keepdims=True)
    return np.where(length > 0.1, found / np.maximum(length, 0.1), 0).astype(np.float32)


def _one_muscle(
    label: int,
    fields: Sequence[WaveField],
    still: Sequence[Sequence[ComplexArray]],
    inside: BoolArray,
    fibre: FloatArray,
    error_rad: FloatArray | None,
    rng: np.random.Generator,
    window_m: float,
) -> _Muscle:
    """Fit one muscle, as isotropic where no error of directions is given."""
    first = fields[0]
    equations = muscle_equations(fields, still, inside, fibre) if inside.any() else None
    volume_ml = 1e6 * float(np.prod(first.spacing_m))
    if equations is None or equations.form.places.sum() * volume_ml < LEAST_ML:
        why = "the muscle is too thin in the wave images, or its fibres are unknown there"
        return _Muscle(_refused(label, why), frozenset(), frozenset())
    unknowns = 1 if error_rad is None else 3
    try:
        fit = fit_muscle(equations.normal, equations.noise, equations.trust, unknowns)
    except np.linalg.LinAlgError:
        why = "the waves cannot tell its moduli apart"
        return _Muscle(_refused(label, why), frozenset(), frozenset())
    around = neighbourhoods(equations, fit, inside[equations.box], first.spacing_m, window_m)
    if error_rad is None:
        rows = _refused(label, ONE_CHANNEL)
        return _Muscle(rows, frozenset(["mu_perp"]), frozenset(), equations, around)
    size = np.maximum(np.round(_BLOCK_M / first.spacing_m), 1).astype(int)
    place = np.argwhere(equations.form.places) // size
    blocks = place @ np.array([1, 1000, 1000000])
    spread = block_spread(fit, equations.normal, equations.noise, blocks)
    turned = direction_spread(fields, equations, fit, fibre, error_rad, rng)
    rows, held, unsure = [], set(), set()
    for name, row in MODULI.items():
        value = complex(row @ fit.unknowns)
        half = half_width(*spread[name], float(np.hypot(turned[name], _OWN_ERROR * abs(value))))
        measure, n = f"stiffness_ti_{name}_muscle", int(equations.form.places.sum())
        if value.real <= 0 or half > WORST_HALF_WIDTH * abs(value):
            why = (
                f"the waves do not determine it: 95 % interval {abs(value):.3g} ± {half:.3g} Pa, "
                f"condition {fit.condition:.1f}"
            )
            rows.append(not_measured(label, measure, "Pa", why))
            continue
        held.add(name)
        if half > UNSURE_HALF_WIDTH * abs(value):
            unsure.add(name)
        note = (
            f"one value fitted to the muscle, loss angle {np.angle(value):.3f} rad, condition "
            f"{fit.condition:.1f}; n places of test functions; interval from blocks of the "
            "muscle, the uncertainty of fibre directions and the method's own of 1.5 %"
        )
        low, high = max(abs(value) - half, 0.0), abs(value) + half
        rows.append(Measure(label, measure, abs(value), "Pa", n, None, low, high, note=note))
    return _Muscle(rows, frozenset(held), frozenset(unsure), equations, around)


def _refused(label: int, why: str) -> list[Measure]:
    return [not_measured(label, f"stiffness_ti_{name}_muscle", "Pa", why) for name in MODULI]


def _maps(
    done: Mapping[int, _Muscle], shape: tuple[int, ...], isotropic: bool
) -> tuple[dict[str, QuantityMap], BoolArray]:
    """Return the maps of all muscles, and where at least one modulus holds."""
    values = {name: np.zeros(shape, np.float32) for name in MODULI}
    worst, trust = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    mask = np.zeros(shape, bool)
    for muscle in done.values():
        if muscle.around is None or muscle.equations is None:
            continue
        box, around = muscle.equations.box, muscle.around
        sure = around.mask & (around.confidence >= MIN_CONFIDENCE)
        for name in muscle.held:
            row = MODULI[name][: around.unknowns.shape[3]]
            modulus = around.unknowns @ row
            good = sure & (modulus.real > 0) & (np.abs(modulus) < PLAUSIBLE_PA[1])
            values[name][box][good] = np.abs(modulus[good])
            mask[box] |= good
        worst[box] += np.where(sure, around.condition, 0)
        trust[box] += np.where(sure, around.confidence, 0)
    extra = {
        "condition": QuantityMap(np.where(mask, worst, 0), "1", "condition"),
        "confidence": QuantityMap(np.where(mask, trust, 0), "1", "confidence"),
    }
    if isotropic:
        return {"stiffness": QuantityMap(values["mu_perp"], "Pa", "magnitude"), **extra}, mask
    moduli = {SUFFIX[name]: QuantityMap(v, "Pa", name) for name, v in values.items()}
    return {**moduli, **extra}, mask
