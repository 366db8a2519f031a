"""How fibres run to an ultrasound frame, and what that does to the speed of its shear waves.

The push of a linear probe moves tissue along the beam (depth) and the wave is timed across the
frame. In a transversely isotropic, incompressible medium (moduli across and along the fibre, and
E along it) two wave types follow from how the fibre departs from the direction of travel:

- fibre turned about the beam, out of the frame: the wave stays of the slow kind (SH), whose speed
  of arrival is an ellipse, ``1/(rho c^2) = cos^2/mu_par + sin^2/mu_perp``: slower with the angle;
- fibre inclined within the frame (pennation): the wave is of the fast kind (qSV),
  ``rho c^2 = mu_perp (1 + phi cos^2 2a + zeta sin^2 2a)``: mostly faster with the angle.

A division by cos^2 holds for neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.arrays import BoolArray, FloatArray


@dataclass(frozen=True)
class Ratios:
    """Anisotropy of muscle, needed to correct a speed for the fibre's angle.

    Attributes
    ----------
    along : float
        mu_par / mu_perp.
    tensile : float or None
        E_par / mu_perp; without it only fibres parallel to the probe's face can be corrected.
    source : str
        Where they come from, for the notes.
    """

    along: float
    tensile: float | None
    source: str

    @property
    def phi(self) -> float:
        """Shear anisotropy."""
        return self.along - 1

    @property
    def zeta(self) -> float | None:
        """Tensile anisotropy, from E_par = mu_perp (3 + 4 zeta)."""
        return None if self.tensile is None else (self.tensile - 3) / 4


@dataclass(frozen=True)
class FibreAngles:
    """Angles in degrees, one per sample; nan where the fibre is unknown.

    Attributes
    ----------
    across : (N,) array
        0 to 90, between the fibre and the direction in which the wave is timed (the probe's face).
    tilt : (N,) array
        0 to 90, between the fibre and the plane of the frame (out of plane).
    pitch : (N,) array
        0 to 90, between the fibre and the plane perpendicular to the beam; in a frame without
        tilt this is the angle to the skin-side face of the probe.
    """

    across: FloatArray
    tilt: FloatArray
    pitch: FloatArray


def fibre_angles(fibres: FloatArray, lateral: FloatArray, depth: FloatArray) -> FibreAngles:
    """Return how fibres run to a frame.

    Parameters
    ----------
    fibres : (N, 3) array
        World vectors of any length, either way round; 0 where unknown.
    lateral, depth : (3,) or (N, 3) arrays
        World directions of the probe's face and of the beam.
    """
    length = np.linalg.norm(fibres, axis=1)
    known = length > 0
    unit = np.where(known[:, None], fibres / np.where(known, length, 1)[:, None], np.nan)
    x = lateral / np.linalg.norm(lateral, axis=-1, keepdims=True)
    y = depth / np.linalg.norm(depth, axis=-1, keepdims=True)
    normal = np.cross(x, y)
    normal = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    along, out, down = (np.abs((unit * axis).sum(axis=1)) for axis in (x, normal, y))
    return FibreAngles(
        np.degrees(np.arccos(np.clip(along, 0, 1))),
        np.degrees(np.arcsin(np.clip(out, 0, 1))),
        np.degrees(np.arcsin(np.clip(down, 0, 1))),
    )


def turned_factor(turn_deg: FloatArray, along: float) -> FloatArray:
    """Return mu_par over the measured rho c^2 for fibres turned about the beam (SH, ellipse)."""
    turn = np.radians(turn_deg)
    return np.cos(turn) ** 2 + along * np.sin(turn) ** 2


def pennate_factor(pitch_deg: FloatArray, ratios: Ratios) -> FloatArray:
    """Return mu_par over the measured rho c^2 for fibres inclined in the frame (qSV, phase speed).

    Tweten, Okamoto, Schmidt, Garbow and Bayly 2015, J Biomech 48:4002-4009; nan without E_par.
    """
    if ratios.zeta is None:
        return np.full(np.shape(pitch_deg), np.nan)
    double = 2 * np.radians(pitch_deg)
    fast = 1 + ratios.phi * np.cos(double) ** 2 + ratios.zeta * np.sin(double) ** 2
    return ratios.along / fast


@dataclass(frozen=True)
class Correction:
    """Factors from the measured rho c^2 to the modulus along the fibre.

    Attributes
    ----------
    factor : (N,) array
        nan where not admissible.
    spread : (N,) array
        Half the relative change of the factor over the uncertainty of the angle.
    admissible : (N,) bool array
    """

    factor: FloatArray
    spread: FloatArray
    admissible: BoolArray


def correction(
    angles: FibreAngles,
    uncertainty_deg: FloatArray,
    ratios: Ratios,
    *,
    small_deg: float,
    largest_deg: float,
    tolerance: float,
) -> Correction:
    """Correct for the angle of the fibre where physics allows it.

    Admissible is a sample whose wave is of one kind, and whose factor is known well enough:

    - tilt below `small_deg`: the fibre lies in the frame; qSV at the pitch (needs E_par), or
    - pitch below `small_deg`: the fibre runs parallel to the probe's face; SH at the tilt;
    - the other angle at most `largest_deg`;
    - the factor changes by at most `tolerance` over the uncertainty of the angle.

    Parameters
    ----------
    angles
        From :func:`fibre_angles`.
    uncertainty_deg : (N,) array
        Standard uncertainty of the fibre's direction with that of the frame.
    ratios
        Of the muscle.
    small_deg, largest_deg
        In degrees.
    tolerance
        Relative.

    Notes
    -----
    Where both angles are small the two factors agree within the tolerance, and the one of the
    larger angle is taken.
    """
    pennate = angles.pitch >= angles.tilt
    angle = np.where(pennate, angles.pitch, angles.tilt)
    other = np.where(pennate, angles.tilt, angles.pitch)

    def factor(deg: FloatArray) -> FloatArray:
        return np.where(pennate, pennate_factor(deg, ratios), turned_factor(deg, ratios.along))

    middle = factor(angle)
    low, high = factor(np.maximum(angle - uncertainty_deg, 0)), factor(angle + uncertainty_deg)
    with np.errstate(invalid="ignore"):
        spread = np.maximum(np.abs(high - middle), np.abs(low - middle)) / middle
        admissible = (other < small_deg) & (angle <= largest_deg) & (spread <= tolerance)
    return Correction(np.where(admissible, middle, np.nan), spread, admissible)
