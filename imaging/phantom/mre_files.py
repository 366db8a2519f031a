"""Files of the digital leg's wave images, and of the stiffness behind them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from imaging.arrays import FloatArray, LabelArray
from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.measures import Measure, write_measures
from imaging.muscles import structure_of
from imaging.nib import nibabel as nib
from imaging.phantom.moduli import ALONG, STIFFNESS, TENSILE, paint, tissue_of
from imaging.phantom.mre import (
    DENSITY,
    FREQUENCY_HZ,
    GAIN_RAD_PER_M,
    OFFSETS,
    PRESETS,
    LegLike,
    displacement,
    encode,
    points_of,
    slab_box,
    turned_grid,
)
from imaging.provenance import write_sidecar

# Phase in 12 bits over a turn, magnitude in thousandths of muscle: what scanners store.
_PHASE_STEP = np.pi / 2048
_MAGNITUDE_STEP = 1e-3

#: What is recorded for each preset of a data set; see :func:`write_mre`. One driver and one
#: frequency can't tell the moduli of a transversely isotropic medium apart; three drivers can.
PROTOCOLS: dict[str, dict[str, Any]] = {
    "small": {"preset": "small"},
    "demo": {
        "preset": "coarse", "drivers": 3, "anisotropic": True, "frequencies_hz": (40.0, 60.0),
    },
    "full": {
        "preset": "demo", "drivers": 3, "anisotropic": True, "frequencies_hz": (40.0, 50.0, 60.0),
    },
}  # fmt: skip


def _save_counts(data: FloatArray, affine: FloatArray, step: float, path: Path) -> None:
    """Write NIfTI of 16-bit counts of a step, which readers scale back."""
    image = nib.Nifti1Image(np.rint(data / step).astype(np.int16), affine)
    image.header.set_slope_inter(step, 0)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    nib.save(image, path)


def _truth_rows(labels: LabelArray, anisotropic: bool, hertz: str) -> list[Measure]:
    rows = []
    for label in (int(v) for v in np.unique(labels) if v > 0 and structure_of(int(v)).is_muscle):
        value, count = abs(tissue_of(label)[0]), int((labels == label).sum())
        note = f"set in the phantom at {hertz} Hz; n voxels of the wave image"
        names = {"stiffness_magnitude": 1.0}
        if anisotropic:
            names = {
                "stiffness_mu_perp": 1.0,
                "stiffness_mu_par": ALONG,
                "stiffness_e_par": TENSILE,
            }
        rows += [Measure(label, m, f * value, "Pa", n=count, note=note) for m, f in names.items()]
    return rows


def write_mre(
    leg: LegLike,
    folder: str | Path,
    truth_folder: str | Path,
    *,
    subject: str,
    session: str | None = None,
    seed: int = 1,
    preset: str = "demo",
    drivers: int = 1,
    anisotropic: bool = False,
    frequencies_hz: Sequence[float] = (FREQUENCY_HZ,),
) -> Path:
    """Write wave images of a leg, and the stiffness behind them.

    Parameters
    ----------
    leg
        Digital leg (labels and fibre directions at world points).
    folder, truth_folder
        The subject's folder, in whose ``mre`` the waves go, and where the truth goes.
    subject, session
        Labels without ``sub-`` and ``ses-``.
    seed
        Of the noise.
    preset
        ``demo``, ``coarse`` or ``small``.
    drivers
        Number of drivers, 1 to 3, shaking in orthogonal directions one after the other.
    anisotropic
        Transversely isotropic muscles along the fibre directions; else isotropic ones, for which
        a single stiffness per muscle is the truth.
    frequencies_hz
        One file each; the moduli are the same at all of them.

    Returns
    -------
    Path
        The phase image of the last frequency.
    """
    size, rng = PRESETS[preset], np.random.default_rng(seed)
    folder, truth_folder = Path(folder) / "mre", Path(truth_folder)
    for place in (folder, truth_folder):
        place.mkdir(parents=True, exist_ok=True)
    turn = Rotation.from_euler("xyz", [3, -4, 6], degrees=True).as_matrix()
    low, high = slab_box(leg, size.slices * size.voxel_mm[2])
    across = np.ceil(((high - low)[:2] + 12) / size.voxel_mm[:2]).astype(int)
    shape = (int(across[0]), int(across[1]), size.slices)
    like = Image(
        np.zeros(shape, np.uint8), turned_grid((low + high) / 2, shape, size.voxel_mm, turn)
    )
    labels = leg.labels(points_of(shape, like.affine)).reshape(shape)
    modulus, signal = paint(labels)
    name = f"sub-{subject}" + (f"_ses-{session}" if session else "")
    settings = {"preset": preset, "seed": seed, "anisotropic": anisotropic}
    for hertz in frequencies_hz:
        waves = displacement(
            leg, preset=size, drivers=drivers, anisotropic=anisotropic, frequency_hz=hertz
        )
        parts = encode(waves, like, signal, turn.T, snr=size.snr, rng=rng)
        facts = {
            "MechanicalFrequency": hertz,
            "Density": DENSITY,
            "EncodingDirections": np.round(turn.T, 9).tolist(),
            "EncodingDirectionsFrame": "world RAS+",
            "OffsetsPerPeriod": OFFSETS,
            "Drivers": drivers,
            "MotionEncodingGain": GAIN_RAD_PER_M,
            "MotionEncodingGainUnits": "rad/m",
        }
        stem = f"{name}_acq-{hertz:g}Hz_part"
        for part, data, step in zip(
            ("mag", "phase"), parts[::-1], (_MAGNITUDE_STEP, _PHASE_STEP), strict=True
        ):
            path = folder / f"{stem}-{part}_mre.nii.gz"
            _save_counts(data if drivers > 1 else data[..., 0], like.affine, step, path)
            units = {"PhaseUnits": "rad"} if part == "phase" else {}
            write_sidecar(path, verb="phantom", settings=settings, **facts, **units)
        phase = path

    path = truth_folder / f"{name}_desc-truth_stiffness.nii.gz"
    tissue = np.where(labels != 0, np.abs(modulus), 0).astype(np.float32)
    save_image(like.with_data(tissue), path)
    write_sidecar(
        path, verb="phantom", settings=settings, Units="Pa", FrequencyHz=list(frequencies_hz),
        DensityKgPerM3=DENSITY, Quantity="magnitude",
        Model="transversely isotropic: the map is the modulus across the fibre, |mu_perp|; "
        f"mu_par = {ALONG} mu_perp, E_par = {TENSILE} mu_perp in muscle"
        if anisotropic else "isotropic: the map is |G*|",
        LossAngleRad={k: v[1] for k, v in STIFFNESS.items()},
    )  # fmt: skip
    named = "+".join(f"{f:g}" for f in frequencies_hz)
    rows = _truth_rows(labels, anisotropic, named)
    write_measures(rows, truth_folder / f"{name}_desc-truthmre_measures.tsv")
    return phase
