"""A simple leg with its shear-wave frames, and calls of ``pennate ultrasound`` on them."""

import json

import numpy as np
from round_leg import RoundLeg

from imaging.cli.app import main
from imaging.formats.nifti import save_image
from imaging.image import Image
from imaging.phantom.shear_speed import RATIO_ALONG, RATIO_TENSILE
from imaging.phantom.ultrasound_files import write_ultrasound

PITCH_DEG = 10.0
RATIOS = {"along_ratio": RATIO_ALONG, "tensile_ratio": RATIO_TENSILE, "direction_error_deg": 2.0}
TRACKED, STILL = "sub-01_acq-GM_swe.igs.mha", "sub-01_acq-TA_swe.png"
LEG = RoundLeg(muscle_mm=47, tibia_mm=2, pitch_deg=PITCH_DEG)


def grid_files(folder):
    """Labels and directions on a grid with flipped and swapped axes."""
    affine = np.array([[0, 0, -2.0, 150], [2.0, 0, 0, -60], [0, 3, 0, -75], [0, 0, 0, 1]])
    shape = (56, 50, 56)
    voxels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 3)
    points = voxels @ affine[:3, :3].T + affine[:3, 3]
    labels = LEG.labels(points)
    fibres = LEG.directions(points, labels).astype(np.float32)
    save_image(Image(labels.reshape(shape), affine), folder / "labels.nii.gz")
    save_image(Image(fibres.reshape(*shape, 3), affine), folder / "directions.nii.gz")


def write_leg(folder):
    """Frames, their truth, labels and directions."""
    write_ultrasound(LEG, folder, folder / "truth", subject="01", seed=3, preset="small")
    grid_files(folder)
    return folder


def run(out, frames, *arguments, ratios=False):
    call = ["ultrasound", "--out", out, "--prefix", "sub-01", *arguments]
    for path in frames:
        call += ["--frames", path]
    if ratios:
        call += ["--settings", json.dumps(RATIOS)]
    return main([str(a) for a in call])


def edit(folder, name, **changes):
    path = folder / name.replace(".igs.mha", ".json").replace(".png", ".json")
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))


def landmarks(folder, name):
    path = folder / name.replace(".igs.mha", ".json").replace(".png", ".json")
    return json.loads(path.read_text())["Landmarks"]
