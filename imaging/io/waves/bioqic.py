"""The public BIOQIC phantom: wave images of a gel with four inclusions, in a MATLAB file.

Layout of ``phantom_raw.mat`` (and its unwrapped kin) as published with the phantom: phase in
radians and magnitude over row, column, slice, time step, component and frequency; a structure
``info`` with ``dx_m``, ``dy_m``, ``dz_m`` and ``frequencies_Hz``. MATLAB 7.3 files are HDF5, whose
arrays have their axes the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
from scipy.io.matlab import MatReadError

from imaging.elastography.declaration import MIN_OFFSETS
from imaging.elastography.waves import WaveImages
from imaging.errors import ImageError, MissingFileError
from imaging.io.waves.series import WaveSeries
from imaging.memory import ensure_fits
from imaging.provenance import sidecar_path

_PHASES = ("phase", "phase_unwrapped", "phase_unwrap_noipd")
# As the phantom was published: used where the file itself says nothing.
_FREQUENCIES_HZ = tuple(range(30, 101, 10))
_SPACING_M = 1.5e-3
DENSITY = 1000.0
_EACH = 8  # bytes of a number
# Components of the phantom's files: across slices, along columns, along rows.
_DIRECTIONS = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


def read_phantom(path: Path) -> Iterator[WaveSeries]:
    """Read the wave images of every frequency of a file in the layout of the BIOQIC phantom.

    The gel has no place in a scanner's world: rows run along x, columns along y, slices along z.

    Raises
    ------
    MissingFileError, ImageError
        Not there, not MATLAB, no phase of six axes, or axes that contradict `info`.
    """
    if not path.is_file():
        raise MissingFileError("no such MATLAB file", path, "Check the path")
    content = _load(path)
    name = next((n for n in _PHASES if n in content), None)
    if name is None or content[name].ndim != 6:
        raise ImageError(
            f"has no phase over six axes ({', '.join(_PHASES)})", path,
            "Give phantom_raw.mat or phantom_unwrapped.mat of the BIOQIC phantom",
        )  # fmt: skip
    phase = content[name]
    info = content.get("info", {})
    hertz = [float(f) for f in np.ravel(info.get("frequencies_Hz", _FREQUENCIES_HZ))]
    offsets, components, count = phase.shape[3:]
    if count != len(hertz) or components > 3 or offsets < MIN_OFFSETS:
        raise ImageError(
            f"has phase of shape {'x'.join(map(str, phase.shape))} for {len(hertz)} frequencies",
            path,
            "The axes are row, column, slice, time step, component, frequency",
        )
    spacing = [float(np.ravel(info.get(k, _SPACING_M))[0]) for k in ("dy_m", "dx_m", "dz_m")]
    affine = np.diag([*(1000 * s for s in spacing), 1.0])
    magnitude = content.get("magnitude")
    if magnitude is not None and magnitude.shape != phase.shape:
        magnitude = None
    inputs = [path, *(p for p in [sidecar_path(path)] if p.is_file())]
    for f, frequency in enumerate(hertz):
        # Time step before component in the file.
        here = np.moveaxis(np.asarray(phase[..., f], np.float32), 3, 4)[..., None]
        strength = None
        if magnitude is not None:
            strength = np.moveaxis(np.asarray(magnitude[..., f], np.float32), 3, 4)[..., None]
        weight = np.ones(here.shape[:3], np.float32)
        if strength is not None:
            weight = strength.mean((3, 4, 5))
        images = WaveImages(here, weight, affine, _DIRECTIONS[:components], frequency, DENSITY)
        yield WaveSeries(images, strength, inputs)


def _load(path: Path) -> Mapping[str, Any]:
    """Return the variables of a MATLAB file, arrays with their axes as in MATLAB."""
    try:
        for name, shape, _ in scipy.io.whosmat(path):
            ensure_fits(shape, _EACH, f"the array {name}", path, "Give less of it")
        content = scipy.io.loadmat(path)
    except NotImplementedError:
        return _load_hdf5(path)
    except (ValueError, OSError, TypeError, MatReadError) as error:
        raise ImageError(
            f"cannot be read as a MATLAB file ({error})", path, "Download it again"
        ) from error
    info = content.get("info")
    if info is not None and info.dtype.names:
        content["info"] = {n: info[n][0, 0] for n in info.dtype.names}
    return content


def _load_hdf5(path: Path) -> Mapping[str, Any]:
    wanted = (*_PHASES, "magnitude")
    try:
        with h5py.File(path) as file:
            info = file.get("info")
            facts = dict(info) if isinstance(info, h5py.Group) else {}
            arrays = {n: file[n] for n in wanted if n in file}
            for name, array in (arrays | facts).items():
                ensure_fits(array.shape, _EACH, f"the array {name}", path, "Give less of it")
            out: dict[str, Any] = {n: np.asarray(v, np.float32).T for n, v in arrays.items()}
            if isinstance(info, h5py.Group):
                out["info"] = {n: np.asarray(v) for n, v in facts.items()}
    except (OSError, AttributeError) as error:
        raise ImageError(
            f"cannot be read as a MATLAB file ({error})", path, "Download it again"
        ) from error
    return out
