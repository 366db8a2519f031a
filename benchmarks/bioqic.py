"""Isotropic inversions on the public BIOQIC phantom, for who has the file.

``python -m benchmarks.bioqic phantom_raw.mat`` (or ``phantom_unwrapped.mat``; from
bioqic-apps.charite.de/downloads) prints the median |G*| of the matrix and the four inclusions
beside the springpot constants of the literature (Papazoglou et al., Phys Med Biol 2012), averaged
over the frequencies used; rho c^2 of k-MDEV becomes |G*| by the loss angle of the curl inversion.
Places of inclusions and constants are those by which others evaluated the file; they were not
checked against it here, because it may not be passed on.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from imaging.elastography.curl import curl_helmholtz
from imaging.elastography.encoding import check_encoding
from imaging.elastography.kmdev import k_mdev
from imaging.elastography.mdev import mdev
from imaging.elastography.virtualfields import virtual_fields
from imaging.elastography.waves import WaveField, harmonic_field
from imaging.io.waves.read import read_waves
from imaging.stiffness import Stiffness

# Shear modulus (Pa) and power of the springpot mu^(1-a) (i omega eta)^a, eta = 1 Pa s.
CONSTANTS = {
    "matrix": (10830.0, 0.0226),
    "inclusion 1": (43301.0, 0.0460),
    "inclusion 2": (5228.0, 0.0272),
    "inclusion 3": (6001.0, 0.0247),
    "inclusion 4": (16281.0, 0.0345),
}
# Axes of the cylinders, along slices: row and column, voxels of 1.5 mm.
CENTRES = ((31.0, 50.0), (31.0, 77.0), (50.5, 50.0), (54.5, 75.0))
RADIUS = 5.0
_CLEAR = 4.0  # kept between matrix and inclusions, voxels


def truth(region: str, frequencies_hz: list[float]) -> float:
    """Return |G*| in Pa, averaged over frequencies."""
    modulus, power = CONSTANTS[region]
    omega = 2 * np.pi * np.array(frequencies_hz)
    return float(np.mean(np.abs(modulus ** (1 - power) * (1j * omega) ** power)))


def regions(tissue: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    """Return the matrix and the inclusions, (row, column, slice)."""
    row, column = np.mgrid[: tissue.shape[0], : tissue.shape[1]]
    apart = [np.hypot(row - r, column - c) for r, c in CENTRES]
    out = {f"inclusion {k}": tissue & (d <= RADIUS - 1)[..., None] for k, d in enumerate(apart, 1)}
    outside = np.min(apart, axis=0) > RADIUS + _CLEAR
    inner = ndimage.binary_erosion(tissue, np.ones((5, 5, 1)))
    return {"matrix": inner & outside[..., None], **out}


def load(path: Path) -> tuple[list[WaveField], NDArray[np.bool_]]:
    """Return the fields of all frequencies, components ordered so that divergence is least."""
    fields: list[WaveField] = []
    tissue = np.zeros((0, 0, 0), bool)
    for recording in read_waves(path):
        images = recording.images
        if not fields:
            tissue = np.ones(images.weight.shape, bool)
            if np.ptp(images.weight) > 0:
                tissue = images.weight > 0.5 * threshold_otsu(images.weight)
            check = check_encoding(harmonic_field(images), tissue)
            order = np.eye(3) if check is None or not check.doubtful else check.matrix
            if check is not None:
                print(f"divergence: {check.declared:.0%} as declared, {check.least:.0%} at best")
        turned = order @ images.directions if len(images.directions) == 3 else images.directions
        fields.append(harmonic_field(replace(images, directions=turned, weight=1.0 * tissue)))
    return fields, tissue


def table(path: Path) -> dict[str, dict[str, float]]:
    """Return the median |G*| in kPa per region and method, with the truth first."""
    fields, tissue = load(path)
    hertz = [f.frequency_hz for f in fields]
    curl = curl_helmholtz(fields, tissue)
    storage, loss = (curl.maps[k].values for k in ("storage", "loss"))
    free = virtual_fields(fields, tissue)
    plain, speed = mdev(fields, tissue), k_mdev(fields, tissue)
    shear = Stiffness(
        speed.maps["stiffness"].values, "shear_stiffness", tuple(hertz), fields[0].density, "kmdev"
    )
    maps = {
        "MDEV": (plain.maps["stiffness"].values, plain.mask),
        "curl": (np.hypot(storage, loss), curl.mask),
        "k-MDEV": (shear.to("magnitude", np.arctan2(loss, storage)).values, speed.mask & curl.mask),
        "virtual fields": (free.maps["stiffness"].values, free.mask),
    }
    out = {}
    for name, region in regions(tissue).items():
        row = {"literature": truth(name, hertz) / 1000}
        for method, (values, mask) in maps.items():
            chosen = values[region & mask]
            row[method] = float(np.median(chosen)) / 1000 if chosen.size else float("nan")
        out[name] = row
    return out


def main() -> None:
    if len(sys.argv) != 2:
        print("not run: give phantom_raw.mat of bioqic-apps.charite.de/downloads")
        return
    found = table(Path(sys.argv[1]))
    names = list(found["matrix"])
    print(f"{'|G*| (kPa)':14}" + "".join(f"{n:>16}" for n in names))
    for region, row in found.items():
        print(f"{region:14}" + "".join(f"{row[n]:16.2f}" for n in names))


if __name__ == "__main__":
    main()
