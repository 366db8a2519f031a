"""Echo-planar distortion of wave images, undone as that of diffusion images is.

The magnitude is displaced along the phase-encoding axis as the phase is, so that what undoes the
one undoes the other. A wave that is seen at displaced places has the wrong wavelength. Phase is
moved as a complex number: between wrapped values there is no mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import BoolArray, FloatArray
from imaging.diffusion.acquisition import Acquisition, acquisition_of
from imaging.diffusion.distortion import Distortion, distortion_of_pair, distortion_to_anatomy
from imaging.elastography.waves import WaveImages
from imaging.errors import ImageError
from imaging.image import Image
from imaging.io.reversed_scan import read_reversed
from imaging.threads import in_threads

Wanted = Literal["auto", "fmap", "anatomy", "off"]
#: Fewer slices hold no smooth field across them.
MIN_SLICES = 5
#: Of a sidecar, that tell how an image was encoded.
ENCODING_KEYS = (
    "PhaseEncodingDirection", "SliceEncodingDirection", "TotalReadoutTime",
    "EffectiveEchoSpacing", "ScanningSequence",
)  # fmt: skip
_LEAST_JACOBIAN = 0.1
_METHODS = {"fmap": "a scan of reversed phase encoding", "anatomy": "the anatomical image"}


def echo_planar(content: Mapping[str, Any], image: Image) -> Acquisition | None:
    """Return how echo-planar wave images were encoded; None where a sidecar tells of no such.

    Parameters
    ----------
    content
        ``PhaseEncodingDirection`` with ``TotalReadoutTime``, ``EffectiveEchoSpacing`` or a
        ``ScanningSequence`` that holds EP.
    image : Image
        Of that sidecar, axes as in the file.
    """
    found = acquisition_of(content, image)
    sequence = str(content.get("ScanningSequence", "")).upper()
    timed = any(
        isinstance(content.get(key), int | float) and content[key] > 0
        for key in ("TotalReadoutTime", "EffectiveEchoSpacing")
    )
    return found if found.phase_axis is not None and (timed or "EP" in sequence) else None


@dataclass(frozen=True)
class Undistortion:
    """What was found of the distortion of wave images; `found` is None where nothing was sought."""

    found: Distortion | None
    why: str = ""

    @property
    def warnings(self) -> list[str]:
        """What a reader must know of it."""
        found = self.found
        if found is None:
            return [f"Distortion of the echo-planar wave images was not corrected: {self.why}."]
        how = _METHODS[found.method]
        if found.status == "refused":
            return [
                f"What {how} tells of the distortion of the wave images (up to {found.max_mm:.0f} "
                "mm) is implausible and was not used. Look at the muscles on the magnitude."
            ]
        if found.status == "kept":
            return [f"Distortion of the wave images was not corrected: with {how} nothing is won."]
        return [
            f"Distortion of the wave images was undone by {how}: {found.median_mm:.1f} mm in the "
            f"middle, at most {found.max_mm:.1f} mm."
        ]

    @property
    def facts(self) -> dict[str, object]:
        """Numbers behind the words."""
        if self.found is None:
            return {"wave_distortion": "not looked for"}
        return {
            "wave_distortion": self.found.status,
            "wave_distortion_method": self.found.method,
            "wave_distortion_median_mm": round(self.found.median_mm, 3),
            "wave_distortion_max_mm": round(self.found.max_mm, 3),
        }


def look(
    images: WaveImages, tissue: BoolArray, acquisition: Acquisition, *,
    wanted: Wanted = "auto", fmap: Path | None = None, anatomy: Image | None = None,
) -> Undistortion:  # fmt: skip
    """Find the distortion of wave images from their magnitude.

    Parameters
    ----------
    images
        Of the first frequency; their weight is the mean magnitude.
    tissue : (I, J, K) bool array
        Where it shows tissue.
    acquisition
        Of these images, see :func:`echo_planar`.
    wanted
        ``fmap``, ``anatomy``, the first of both that there is (``auto``), or neither.
    fmap
        Magnitude of reversed phase encoding.
    anatomy : Image
        3-D, any contrast.

    Raises
    ------
    ImageError, MissingFileError
        The scan of reversed phase encoding cannot be read, is not reversed, or lies elsewhere.
    """
    axis = acquisition.phase_axis
    assert axis is not None
    if wanted == "off":
        return Undistortion(None, "the setting distortion is off")
    magnitude = Image(images.weight.astype(np.float32), images.affine)
    if not tissue.any() or np.ptp(images.weight[tissue]) == 0:
        return Undistortion(None, "there is no magnitude")
    if min(magnitude.shape) < MIN_SLICES:
        return Undistortion(None, f"there are fewer than {MIN_SLICES} slices")
    if fmap is not None and wanted in ("auto", "fmap"):
        scan = read_reversed(fmap, magnitude, acquisition)
        return Undistortion(distortion_of_pair(magnitude, tissue, axis, scan))
    if anatomy is not None and wanted in ("auto", "anatomy"):
        return Undistortion(
            distortion_to_anatomy(magnitude, tissue, axis, anatomy, acquisition.slice_axis)
        )
    return Undistortion(None, "there is no scan of reversed phase encoding (--fmap)")


def undistorted(
    images: WaveImages, frames: FloatArray | None, distortion: Distortion
) -> tuple[WaveImages, FloatArray | None]:
    """Return wave images, and the magnitude of every volume, where they belong.

    Parameters
    ----------
    images
        As acquired.
    frames : (I, J, K, D, n, R) array or None
        Magnitude of every volume.
    distortion
        Found in images of this grid.
    """
    axis = distortion.axis
    spacing = float(np.linalg.norm(images.affine[:3, axis]))
    place = np.indices(images.weight.shape, dtype=np.float32)
    place[axis] += distortion.displacement_mm / np.float32(spacing)
    stretch = np.gradient(distortion.displacement_mm, spacing, axis=axis)
    jacobian = np.maximum(1 + stretch, _LEAST_JACOBIAN).astype(np.float32)

    def moved(values: NDArray[Any]) -> NDArray[Any]:
        """Cubic along all axes; only one is displaced."""
        return np.asarray(ndimage.map_coordinates(values, place, order=3, mode="nearest"))

    waves = images.phase.reshape(*images.weight.shape, -1)
    sizes = None if frames is None else frames.reshape(waves.shape)

    def volume(v: int) -> tuple[FloatArray, FloatArray | None]:
        size = images.weight if sizes is None else sizes[..., v]
        wave = size * np.exp(1j * waves[..., v])
        real, imag = moved(wave.real.astype(np.float32)), moved(wave.imag.astype(np.float32))
        strength = None if sizes is None else np.clip(moved(size) * jacobian, 0, None)
        return np.arctan2(imag, real).astype(np.float32), strength

    made = list(in_threads(volume, range(waves.shape[-1])))
    phase = np.stack([p for p, _ in made], -1).reshape(images.phase.shape)
    strengths = [m for _, m in made if m is not None]
    strength = np.stack(strengths, -1).reshape(images.phase.shape) if strengths else None
    weight = np.clip(moved(images.weight) * jacobian, 0, None)
    # The spline rings into air: where nothing was seen there is nothing.
    weight[ndimage.map_coordinates(images.weight, place, order=0, mode="nearest") <= 0] = 0
    return replace(images, phase=phase, weight=weight), strength


def must_tell(acquisition: Acquisition | None, path: Path) -> Acquisition:
    """Return how wave images were encoded that a scan of reversed phase encoding is given for.

    Raises
    ------
    ImageError
        Their sidecar does not tell.
    """
    if acquisition is None:
        raise ImageError(
            "is not told to be echo-planar (PhaseEncodingDirection and TotalReadoutTime), so that "
            "a scan of reversed phase encoding cannot undistort it", path,
            "Declare both in its JSON, or leave the scan out",
        )  # fmt: skip
    return acquisition
