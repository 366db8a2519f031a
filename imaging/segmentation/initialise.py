"""First guess of where the atlas lies in the image: leg length and coverage, girth, bones.

Profiles along the leg (area under the fascia, area of the tibia, places of the bones) of image
and atlas are slid and stretched over each other; the rest is a similarity across the leg with a
tilt. Everything in grid mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, FloatArray
from imaging.segmentation.features import Features

STRETCHES = np.linspace(0.78, 1.28, 21)
_MIN_OVERLAP = 0.6


@dataclass(frozen=True)
class Guess:
    """A first guess: affine from grid mm of the image to grid mm of the atlas, and its cost."""

    matrix: FloatArray
    cost: float


@dataclass(frozen=True)
class Profile:
    """Per slice: z, log radius of envelope and tibia, centroids (K, 2); NaN where missing."""

    z: FloatArray
    girth: FloatArray
    shaft: FloatArray
    centres: dict[str, FloatArray]


def profile(features: Features) -> Profile:
    """Return the profiles of one leg along its third axis."""
    use = features.weights[0].any((0, 1))
    masks = {"envelope": features.envelope, "tibia": features.tibia, "fibula": features.fibula}
    stats = {name: _slices(mask, features.spacing, use) for name, mask in masks.items()}
    z = np.arange(len(use)) * features.spacing[2]
    centres = {name: centre for name, (_, centre) in stats.items()}
    return Profile(z, stats["envelope"][0], stats["tibia"][0], centres)


def guesses(image: Features, atlas: Features, count: int = 4) -> list[Guess]:
    """Return the best first guesses, well apart from each other along the leg."""
    target, model = profile(image), profile(atlas)
    here = target.z[np.isfinite(target.girth)]
    there = model.z[np.isfinite(model.girth)]
    found: list[tuple[float, float, float]] = []
    for stretch in STRETCHES:
        for shift in np.arange(there[0] - stretch * here[-1], there[-1] - stretch * here[0], 6.0):
            cost = _cost(target, model, float(stretch), float(shift))
            if np.isfinite(cost):
                found.append((cost, float(stretch), float(shift)))
    found.sort()
    chosen: list[Guess] = []
    places: list[FloatArray] = []
    ends = np.array([here[0], here[-1]])
    for cost, stretch, shift in found:
        place = stretch * ends + shift
        if all(np.abs(place - other).max() > 15.0 for other in places):
            places.append(place)
            chosen.append(Guess(_matrix(target, model, stretch, shift), cost))
        if len(chosen) == count:
            break
    return chosen


def _slices(mask: BoolArray, spacing: FloatArray, use: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return log radius (K,) and centroid (K, 2) of a mask per slice."""
    area = mask.sum((0, 1)).astype(float)
    x = np.arange(mask.shape[0]) * spacing[0]
    y = np.arange(mask.shape[1]) * spacing[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = np.stack([mask.sum(1).T @ x / area, mask.sum(0).T @ y / area], -1)
        radius = 0.5 * np.log(area * spacing[0] * spacing[1] / np.pi)
    missing = (area == 0) | ~use
    return np.where(missing, np.nan, radius), np.where(missing[:, None], np.nan, centre)


def _at(model: Profile, values: FloatArray, z: FloatArray) -> FloatArray:
    """Read a profile of the atlas at heights z; NaN outside or where it is missing."""
    known = np.isfinite(values if values.ndim == 1 else values[:, 0])
    if known.sum() < 2:
        return np.full((len(z), *values.shape[1:]), np.nan)
    columns = values[known].reshape(known.sum(), -1)
    low, high = model.z[known][[0, -1]]
    out = np.stack([np.interp(z, model.z[known], c) for c in columns.T], -1)
    out[(z < low) | (z > high)] = np.nan
    return out.reshape(len(z), *values.shape[1:])


def _cost(target: Profile, model: Profile, stretch: float, shift: float) -> float:
    """Return how badly the profiles agree (mean squared log ratio, priors added)."""
    z = stretch * target.z + shift
    have = np.isfinite(target.girth)
    girth = (_at(model, model.girth, z) - target.girth)[have]
    inside = np.isfinite(girth)
    covered = inside.mean()
    model_have = model.z[np.isfinite(model.girth)]
    share = ((model_have >= z[have][0]) & (model_have <= z[have][-1])).mean()
    if covered < _MIN_OVERLAP and share < _MIN_OVERLAP:
        return np.inf
    girth = girth[inside]
    size = float(np.median(girth))
    cost = float(np.mean(np.minimum((girth - size) ** 2, 0.04))) + 0.02 * (1 - covered)
    shaft = _at(model, model.shaft, z) - target.shaft
    if np.isfinite(shaft).sum() > 3:
        shaft = shaft[np.isfinite(shaft)]
        scale = float(np.median(shaft))
        cost += 0.5 * float(np.mean(np.minimum((shaft - scale) ** 2, 0.04)))
        cost += 0.05 * (scale - np.log(stretch)) ** 2
    apart_model = model.centres["fibula"] - model.centres["tibia"]
    apart = target.centres["fibula"] - target.centres["tibia"]
    ratio = np.log(np.linalg.norm(_at(model, apart_model, z), axis=1)) - np.log(
        np.linalg.norm(apart, axis=1)
    )
    if np.isfinite(ratio).sum() > 3:
        ratio = ratio[np.isfinite(ratio)]
        cost += 0.5 * float(np.mean(np.minimum((ratio - np.median(ratio)) ** 2, 0.04)))
    # Girth and length of people vary together, about 12 % apart.
    return cost + 0.02 * (size - np.log(stretch)) ** 2 + 0.01 * np.log(stretch) ** 2


def _matrix(target: Profile, model: Profile, stretch: float, shift: float) -> FloatArray:
    """Fit rotation and scale across the leg and a tilt along it to the centroids."""
    z = stretch * target.z + shift
    rows: list[NDArray[np.complex128]] = []
    values: list[NDArray[np.complex128]] = []
    for name, centre in target.centres.items():
        other = _at(model, model.centres[name], z)
        ok = np.isfinite(other).all(1) & np.isfinite(centre).all(1)
        here = centre[ok, 0] + 1j * centre[ok, 1]
        rows.append(np.stack([here, np.ones(ok.sum()), target.z[ok]], -1))
        values.append(other[ok, 0] + 1j * other[ok, 1])
    girth = _at(model, model.girth, z) - target.girth
    size = float(np.exp(np.nanmedian(girth)))
    x, y = np.concatenate(rows), np.concatenate(values)
    turn = complex(np.linalg.lstsq(x, y, rcond=None)[0][0])
    bones = sum(np.isfinite(target.centres[n]).any() for n in ("tibia", "fibula"))
    angle = float(np.clip(np.angle(turn), -0.8, 0.8)) if bones else 0.0
    alpha = size * np.exp(1j * angle)
    rest = np.linalg.lstsq(x[:, 1:], y - alpha * x[:, 0], rcond=None)[0]
    matrix = np.eye(4)
    matrix[:2, :2] = [[alpha.real, -alpha.imag], [alpha.imag, alpha.real]]
    matrix[:2, 3] = [rest[0].real, rest[0].imag]
    matrix[:2, 2] = [rest[1].real, rest[1].imag]
    matrix[2, 2:] = [stretch, shift]
    return matrix
