"""Wave images as scanners and dcm2niix export them: what has to be written by hand, and how often.

    python -m benchmarks.wave_exports

Exports of three makers and one that is unknown, imitated with pydicom (writers of the test suite)
and converted with dcm2niix where it is installed. Each is read without a JSON; keys that the
message names are then declared and it is read again, until it is read. `keys`: declared in the end;
`messages`: before it was read (goal: at most one, which names each missing key); `off`: largest
error of the phase, rad (half a step of 12 bits is .0008); `said`: what was concluded or assumed
instead of being declared.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom

from imaging.errors import InputError
from imaging.io.waves.read import read_waves
from imaging.io.waves.series import WaveSeries

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "tests" / "integration"))
from dicom_for_tests import write_enhanced, write_mosaics, write_series  # noqa: E402

AFFINE = np.diag([-1.5, -2.0, 5.0, 1.0])
STEP = np.pi / 2048
COMMENT = "MEG {d} timestep {n} period 16667 us"
#: What is true of every export here.
TRUE: dict[str, Any] = {
    "MechanicalFrequency": 60, "EncodingDirections": np.eye(3).tolist(),
    "EncodingDirectionsFrame": "image", "OffsetsPerPeriod": 4, "Drivers": 1,
    "VolumeOrder": ["driver", "direction", "offset"],
}  # fmt: skip
#: Another unit than that of the maker, where only a person knows it.
STORED = {"PhaseUnits": "scanner", "PhaseRange": [-4096, 4096]}


def phases() -> np.ndarray:
    """Return phase of waves over noise, as outside tissue, that fills its range."""
    values = np.random.default_rng(0).uniform(-np.pi, np.pi - 2 * STEP, (12, 10, 5, 3, 4))
    values[0, 0, 0], values[1, 0, 0] = -np.pi, np.pi - 2 * STEP
    return values


def _series(folder: Path, **options: Any) -> Path:
    phase = phases()
    magnitude = np.full(phase.shape[:3], 90.0)
    return write_series(folder, phase, AFFINE, magnitude=magnitude, declared={}, **options)


def _mosaics(folder: Path) -> Path:
    return write_mosaics(_series(folder / "slices", comment=COMMENT), folder / "mre", AFFINE)


def _philips(folder: Path) -> Path:
    made = _series(
        folder / "mre", maker="Philips Medical Systems", comment="",
        rescale=(1000 * STEP, -1000 * np.pi),
    )  # fmt: skip
    for path in made.iterdir():
        data = pydicom.dcmread(path)
        data.RescaleType = "milliradials"
        data.save_as(path)
    return made


def _ge(folder: Path) -> Path:
    """Whole thousandths of a radian, and the kind of image in a private element."""
    made = _series(folder / "mre", maker="GE MEDICAL SYSTEMS", comment="")
    for path in made.iterdir():
        data = pydicom.dcmread(path)
        phase = data.ImageType[2] == "P"
        data.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        block = data.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x2F, "SS", int(phase))
        if phase:
            del data.RescaleSlope, data.RescaleIntercept
            stored = np.round(1000 * (STEP * data.pixel_array.astype(float) - np.pi))
            data.PixelData, data.PixelRepresentation = stored.astype(np.int16).tobytes(), 1
            data.BitsStored, data.HighBit = 16, 15
        data.save_as(path)
    return made


def _converted(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """Return a maker of the same export after dcm2niix."""

    def run(folder: Path) -> Path:
        import dcm2niix

        source, out = make(folder / "source"), folder / "mre"
        out.mkdir()
        command = [dcm2niix.bin, "-o", str(out), str(source)]
        subprocess.run(command, check=True, capture_output=True)
        return out

    return run


def _one_per_volume(folder: Path) -> Path:
    """Files of single volumes with the sidecars that dcm2niix writes of Siemens."""
    out = folder / "mre"
    out.mkdir(parents=True)
    for kind, d, n in itertools.product("PM", range(3), range(4)):
        data = phases()[..., d, n] * 4096 / np.pi if kind == "P" else np.full((12, 10, 5), 90.0)
        name = out / f"mre_{7 * d + 5 * n:02d}{kind}"
        image = nib.Nifti1Image(np.round(data).astype(np.float32), AFFINE)
        nib.save(image, f"{name}.nii.gz")
        about = {"Manufacturer": "Siemens", "ImageType": ["ORIGINAL", "PRIMARY", kind],
                 "ImageComments": COMMENT.format(d=d + 1, n=n)}  # fmt: skip
        Path(f"{name}.json").write_text(json.dumps(about))
    return out


def exports() -> Iterator[tuple[str, Callable[[Path], Path], dict[str, Any]]]:
    """Yield the name of every export, what writes it, and what is true of it alone."""
    yield "Siemens, slices", lambda f: _series(f / "mre", comment=COMMENT), {}
    yield "Siemens, mosaics", _mosaics, {}
    yield "Siemens, no comments", lambda f: _series(f / "mre", comment=""), {}
    yield "Siemens, dcm2niix", _converted(lambda f: _series(f, comment=COMMENT)), {}
    yield "Siemens, dcm2niix, file per volume", _one_per_volume, {}
    yield "Philips, classic", _philips, {}
    yield "Philips, enhanced", lambda f: write_enhanced(f / "mre", phases(), AFFINE, {}), {}
    yield "Philips, dcm2niix", _converted(_philips), {}
    yield "GE", _ge, {}
    yield "GE, dcm2niix", _converted(_ge), {}
    yield "unknown maker", lambda f: _series(f / "mre", maker="UIH", comment=""), STORED


def read(folder: Path, more: dict[str, Any]) -> tuple[WaveSeries, dict[str, Any], int]:
    """Read an export; return the series, what had to be declared, and how many messages it took."""
    declared: dict[str, Any] = {}
    path = folder.parent / f"{folder.name}.json"
    path.unlink(missing_ok=True)
    for messages in range(10):
        try:
            return next(read_waves(folder)), declared, messages
        except InputError as error:
            named = {
                k for k in (TRUE | more | {"PhaseUnits": 0}) if re.search(rf"\b{k} \(", str(error))
            }
            wanted = {k: (TRUE | more)[k] for k in named - {"PhaseUnits"}}
            wanted |= more if "PhaseUnits" in named else {}
            if not wanted or wanted.keys() <= declared.keys():
                raise
            declared |= wanted
            path.write_text(json.dumps(declared))
    raise AssertionError("never read")


def main() -> None:
    """Print the table."""
    print(f"{'export':36s} {'keys':>4s} {'messages':>8s} {'off, rad':>9s}  declared; said")
    for name, make, more in exports():
        folder = Path(tempfile.mkdtemp())
        try:
            series, declared, messages = read(make(folder), more)
        except (InputError, ImportError) as error:
            print(f"{name:36s} {str(error)[:160]}")
            continue
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        found = series.images.phase[..., 0]
        want = phases()[:, :, :, ::-1] if name == "Philips, enhanced" else phases()
        off = min(
            float(np.abs(np.angle(np.exp(1j * (turned - want)))).max())
            for turned in (found, found[:, ::-1])
        )
        print(f"{name:36s} {len(declared):4d} {messages:8d} {off:9.4f}  "
              f"{', '.join(declared) or 'nothing'}; {' '.join(series.warnings)}")  # fmt: skip


if __name__ == "__main__":
    main()
