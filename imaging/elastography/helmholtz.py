"""Sums of the Helmholtz equation that MDEV and the curl inversion share, by size of the slab.

Both compare a field q with its Laplacian. In eight slices or more q is the curl of the displacement
and the Laplacian has three dimensions. In three to seven slices q is the part of the curl across
slices, which takes derivatives within slices alone, and the third derivative takes three slices
where it has no five. In fewer, or in slices much thicker than wide, derivatives across slices are
left out: waves that run across slices then look too stiff, up to twofold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.arrays import BoolArray, ComplexArray, FloatArray
from imaging.elastography.derivatives import (
    REACH,
    across_axis,
    laplacian,
    local_mean,
    slice_axes,
    supported,
)
from imaging.elastography.spectra import Spectrum, low_pass, spectrum
from imaging.elastography.waves import WaveField
from imaging.errors import ComputationError

#: Slices from which waves are resolved across them as they are within.
WHOLE_SLICES = 8
_THICK = 2.5  # times the voxel within the slice


@dataclass(frozen=True)
class Slab:
    """How waves can be derived on a grid.

    Attributes
    ----------
    across : int
        Array axis across slices.
    slices : int
        Their number.
    derived : tuple of int
        Axes of the Laplacian.
    filtered : tuple of int
        Axes of the low-pass.
    """

    across: int
    slices: int
    derived: tuple[int, ...]
    filtered: tuple[int, ...]

    @property
    def thin(self) -> bool:
        """Whether waves are not resolved across slices as within."""
        return len(self.filtered) < 3

    @property
    def text(self) -> str:
        """How derivatives were taken, in words."""
        if len(self.derived) == 2:
            return "2-D Laplacian within slices (too few or too thick ones for a third derivative)"
        return f"3-D Laplacian in {self.slices} slices" if self.thin else "3-D Laplacian"


def slab_of(shape: Sequence[int], spacing_m: FloatArray) -> Slab:
    """Choose axes of derivatives and filters by number and thickness of slices."""
    across, within = across_axis(shape, spacing_m), slice_axes(shape, spacing_m)
    thick = float(spacing_m[across]) > _THICK * float(np.mean([spacing_m[a] for a in within]))
    slices = int(shape[across])
    whole = (0, 1, 2)
    if slices < 3 or thick:
        return Slab(across, slices, within, within)
    return Slab(across, slices, whole, whole if slices >= WHOLE_SLICES else within)


@dataclass(frozen=True)
class FrequencySums:
    """Sums over components and drivers at one frequency, and what noise adds to them.

    Attributes
    ----------
    inertia : float
        Pa/m2.
    spectrum : Spectrum
    qq, ll : (I, J, K) array
        |q|^2 and |Lap q|^2.
    ql : (I, J, K) complex array
        q conj(Lap q).
    qq_0, ll_0, ql_0 : arrays
        The same of noise, averaged around every voxel.
    """

    inertia: float
    spectrum: Spectrum
    cutoff_per_m: float
    qq: FloatArray
    ll: FloatArray
    ql: ComplexArray
    qq_0: FloatArray
    ll_0: FloatArray
    ql_0: ComplexArray


class HelmholtzSums:
    """Sums of every frequency on one grid, made once for the inversions that share them.

    Parameters
    ----------
    fields
        One per frequency.
    mask : (I, J, K) bool array
        Tissue.
    labels : (I, J, K) int array or None
        Stencils do not cross their borders.
    cutoff_per_m
        Of the low-pass; None: where signal meets noise in the spectrum.

    Raises
    ------
    ComputationError
        No voxel has a complete stencil.
    """

    def __init__(
        self,
        fields: Sequence[WaveField],
        mask: BoolArray,
        labels: NDArray[np.integer[Any]] | None = None,
        cutoff_per_m: float | None = None,
    ):
        self.fields, self.mask, self.labels = fields, mask, labels
        self.slab = slab_of(mask.shape, fields[0].spacing_m)
        self.in_world = all(f.components_in_world for f in fields)
        self._cutoff = cutoff_per_m
        near = 1 if self.slab.thin else REACH
        reach = [near if a == self.slab.across else REACH for a in range(3)]
        self.valid = supported(mask, self.slab.derived, labels, reach)
        if not self.valid.any():
            raise ComputationError(
                "no voxel has enough neighbours inside the mask for a derivative"
            )

    @property
    def kind(self) -> str:
        """What q is, in words."""
        if not self.in_world:
            return "gradient of the displacement"
        return "curl across slices" if self.slab.thin else "curl of the displacement"

    @cached_property
    def frequencies(self) -> list[FrequencySums]:
        """Sums of every frequency."""
        return [self._sums(field) for field in self.fields]

    @property
    def cutoff_text(self) -> str:
        """Cut-off of every frequency, in words."""
        given = " (given)" if self._cutoff else ""
        return " and ".join(f"{f.cutoff_per_m:.0f}" for f in self.frequencies) + f" /m{given}"

    @property
    def facts(self) -> dict[str, Any]:
        """Numbers behind the words."""
        return {
            "components": self.kind,
            "slices": self.slab.slices,
            "laplacian": len(self.slab.derived),
            "cutoff_per_m": [round(f.cutoff_per_m, 1) for f in self.frequencies],
            "spectrum": [self._spectrum_facts(f, g) for f, g in self._pairs()],
        }

    def _pairs(self) -> Iterator[tuple[WaveField, FrequencySums]]:
        return zip(self.fields, self.frequencies, strict=True)

    @staticmethod
    def _spectrum_facts(field: WaveField, sums: FrequencySums) -> dict[str, Any]:
        """Return a spectrum in decibels below its peak, with its cut-off, cycles per metre."""
        found = sums.spectrum
        peak = max(float(found.power.max()), 1e-30)

        def decibel(power: FloatArray) -> list[float]:
            return [round(float(v), 1) for v in 10 * np.log10(np.maximum(power / peak, 1e-9))]

        return {
            "frequency_hz": field.frequency_hz,
            "wave_number_per_m": [round(float(k), 1) for k in found.wave_number],
            "power_db": decibel(found.power),
            "noise_db": decibel(found.noise),
            "cutoff_per_m": round(sums.cutoff_per_m, 1),
        }

    def _sums(self, field: WaveField) -> FrequencySums:
        q = self._quantity(field, field.gradient)
        still = [self._quantity(field, gradient) for gradient in field.still_gradients]
        found = spectrum(q, still[0], self.mask, field.spacing_m, self.slab.filtered)
        cutoff = self._cutoff or found.cutoff_per_m
        moving = self._powers(field, q, cutoff)
        noise = zip(*(self._powers(field, s, cutoff) for s in still), strict=True)
        quiet = (local_mean(np.mean(part, axis=0), self.mask) for part in noise)
        return FrequencySums(field.inertia, found, cutoff, *moving, *quiet)

    def _quantity(self, field: WaveField, gradient: ComplexArray) -> ComplexArray:
        """Return q (I, J, K, components, R)."""
        if self.in_world:
            curl = field.curl(gradient)
            if not self.slab.thin:
                return curl
            return np.einsum("ijkcr,c->ijkr", curl, field.rotation[:, self.slab.across])[
                ..., None, :
            ].astype(np.complex64)
        if self.slab.thin:  # derivatives within the slice only
            turn = field.rotation[:, [a for a in range(3) if a != self.slab.across]]
            gradient = np.einsum("ab,ijkacr->ijkbcr", turn, gradient)
        return gradient.reshape(*gradient.shape[:3], -1, gradient.shape[5])

    def _powers(
        self, field: WaveField, q: ComplexArray, cutoff_per_m: float
    ) -> tuple[FloatArray, FloatArray, ComplexArray]:
        """Return sums (I, J, K) over components and drivers: |q|^2, |Lap q|^2 and q conj(Lap q)."""
        q = low_pass(q, self.mask, field.spacing_m, cutoff_per_m, self.slab.filtered)
        near = self.slab.across if self.slab.thin else None
        lap = laplacian(q, field.spacing_m, self.slab.derived, self.mask, near)
        return (
            (q.real**2 + q.imag**2).sum((3, 4)),
            (lap.real**2 + lap.imag**2).sum((3, 4)),
            (q * lap.conj()).sum((3, 4)),
        )
