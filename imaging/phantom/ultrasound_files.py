"""Shear-wave frames of the digital leg on disk: a tracked sweep, a still frame, their truth."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image as Picture
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.phantom.colour_frames import Layout
from imaging.phantom.leg import rotation_matrix
from imaging.phantom.shear_speed import RATIO_ALONG, RATIO_TENSILE
from imaging.phantom.ultrasound import (
    OPACITY,
    RANGE_KPA,
    Frame,
    LegLike,
    make_frame,
    probe_place,
    skin_landmarks,
    sweep,
)
from imaging.provenance import write_json

DENSITY = 1060.0
LANDMARK_ERROR_MM = 0.7
SLAB_MM = 2.5
# The truth of a muscle is that away from its border.
CORE_MM = 2.0


def write_ultrasound(
    leg: LegLike,
    folder: str | Path,
    truth_folder: str | Path,
    *,
    subject: str,
    session: str | None = None,
    seed: int = 1,
    preset: str = "demo",
) -> list[Path]:
    """Write a tracked sweep over the medial gastrocnemius and a still frame of tibialis anterior.

    Parameters
    ----------
    leg
        Digital leg.
    folder, truth_folder
        The subject's folder, in whose ``us`` the frames go, and where the truth goes.
    subject, session
        Labels without ``sub-`` and ``ses-``.
    seed
        Of speckle, tracking and landmarks.
    preset
        ``small``: fewer frames.

    Returns
    -------
    list of Path
        The sequence and the still frame.
    """
    folder, truth_folder = Path(folder) / "us", Path(truth_folder)
    for place in (folder, truth_folder):
        place.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, 0x5E])
    name = f"sub-{subject}" + (f"_ses-{session}" if session else "")
    layout = Layout()
    places = sweep(probe_place(leg, "GM", layout), 4 if preset == "small" else 8, rng)
    frames = [make_frame(leg, p, layout, rng) for p in places]
    tracked = folder / f"{name}_acq-GM_swe.igs.mha"
    _write_tracked(tracked, leg, frames, layout, rng)
    still = folder / f"{name}_acq-TA_swe.png"
    frame = make_frame(leg, probe_place(leg, "TA", layout), layout, rng)
    Picture.fromarray(frame.screen).save(still)
    _write_still_json(still, frame, layout, rng)
    _write_truth(truth_folder, name, {tracked.name: frames, still.name: [frame]}, layout)
    return [tracked, still]


def _write_tracked(
    path: Path, leg: LegLike, frames: Sequence[Frame], layout: Layout, rng: np.random.Generator
) -> None:
    """Write a sequence whose last frame lost its tracking, and its JSON."""
    turn = rotation_matrix(rng.uniform(-0.5, 0.5, 3))
    to_reference = np.eye(4)  # world to the frame of the marker on the leg
    to_reference[:3, :3] = turn
    to_reference[:3, 3] = rng.uniform(-80, 80, 3)
    to_probe = np.diag([layout.pixel_mm, layout.pixel_mm, 1.0, 1.0])
    to_probe[:3, 3] = [-layout.width * layout.pixel_mm / 2, 12.0, -3.0]
    fields = {"UltrasoundImageOrientation": "MFA", "UltrasoundImageType": "BRIGHTNESS"}
    for k, frame in enumerate(frames):
        tracker = np.eye(4)  # the leg's marker in the tracker's frame; it moves a little
        tracker[:3, :3] = rotation_matrix([0.9, -0.2, 0.3 + 0.01 * k])
        tracker[:3, 3] = [100.0, -40.0 + k, -900.0]
        probe = tracker @ to_reference @ frame.place @ np.linalg.inv(to_probe)
        good = k < len(frames) - 1
        if not good:
            probe = np.eye(4)
        for key, matrix in (("ProbeToTracker", probe), ("ReferenceToTracker", tracker)):
            start = f"Seq_Frame{k:04d}_{key}Transform"
            fields[start] = " ".join(f"{v:.8g}" for v in matrix.ravel())
            fields[f"{start}Status"] = "OK" if good or key[0] == "R" else "INVALID"
        fields[f"Seq_Frame{k:04d}_Timestamp"] = f"{0.5 * k:.3f}"
        fields[f"Seq_Frame{k:04d}_ImageStatus"] = "OK"
    write_sequence(path, np.stack([f.screen for f in frames]), fields)
    true, found = skin_landmarks(leg, 8, LANDMARK_ERROR_MM, rng)
    reference = true @ to_reference[:3, :3].T + to_reference[:3, 3]
    marks = [
        {"name": f"marker {k + 1}", "reference": _rounded(a), "mri": _rounded(b)}
        for k, (a, b) in enumerate(zip(reference, found, strict=True))
    ]
    content = declaration(layout) | {"ImageToProbe": to_probe.tolist(), "Landmarks": marks}
    write_json(path.with_name(path.name.replace(".igs.mha", ".json")), content)


def write_sequence(path: Path, frames: NDArray[np.uint8], fields: Mapping[str, str]) -> None:
    """Write colour frames (F, H, W, 3) as a compressed MetaImage sequence with its fields."""
    packed = zlib.compress(np.ascontiguousarray(frames).tobytes(), 6)
    count, height, width = frames.shape[:3]
    header = {
        "ObjectType": "Image", "NDims": "3", "AnatomicalOrientation": "RAI", "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False", "CenterOfRotation": "0 0 0", "CompressedData": "True",
        "CompressedDataSize": str(len(packed)), "DimSize": f"{width} {height} {count}",
        "ElementNumberOfChannels": "3", "ElementSpacing": "1 1 1", "ElementType": "MET_UCHAR",
        "Kinds": "domain domain list", "Offset": "0 0 0", "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        **fields, "ElementDataFile": "LOCAL",
    }  # fmt: skip
    text = "".join(f"{key} = {value}\n" for key, value in header.items())
    path.write_bytes(text.encode() + packed)


def _write_still_json(path: Path, frame: Frame, layout: Layout, rng: np.random.Generator) -> None:
    x0, y0, x1, y1 = layout.tissue
    pixels = np.array(
        [[x0 + 8, y0 + 6], [x1 - 10, y0 + 12], [x0 + 40, y1 - 30], [x1 - 30, y1 - 8],
         [(x0 + x1) // 2, (y0 + y1) // 2], [x0 + 12, (y0 + y1) // 2]], dtype=float
    )  # fmt: skip
    world = pixels @ frame.place[:3, :2].T + frame.place[:3, 3]
    world = world + rng.normal(0, LANDMARK_ERROR_MM / np.sqrt(3), world.shape)
    marks = [
        {"name": f"point {k + 1}", "pixel": a.tolist(), "mri": _rounded(b)}
        for k, (a, b) in enumerate(zip(pixels, world, strict=True))
    ]
    content = declaration(layout) | {"PixelSpacing": [layout.pixel_mm] * 2, "Landmarks": marks}
    write_json(path.with_suffix(".json"), content)


def _write_truth(
    folder: Path, name: str, files: Mapping[str, Sequence[Frame]], layout: Layout
) -> None:
    """Write the place of every frame, and the medians of its muscles away from their borders."""
    rows, places = [], []
    for file, frames in files.items():
        for k, frame in enumerate(frames):
            places.append({"file": file, "frame": k, "pixel_to_world": frame.place.tolist()})
            for label in np.unique(frame.labels[frame.labels > 0]):
                depth = ndimage.distance_transform_edt(np.pad(frame.labels == label, 1, "edge"))
                own = depth[1:-1, 1:-1] * layout.pixel_mm > CORE_MM
                if not own.any():
                    continue
                medians = [float(np.median(a[own])) for a in (frame.shown_pa, frame.mu_par_pa)]
                rows.append([file, k, int(label), int(own.sum()), *medians])
    columns = ["file", "frame", "label", "pixels", "shear_pa", "mu_par_pa"]
    path = folder / f"{name}_desc-truthswe_frames.tsv"
    pd.DataFrame(rows, columns=columns).to_csv(path, sep="\t", index=False, float_format="%.6g")
    write_json(
        path.with_suffix(".json"),
        {"frames": places, "mu_par_over_mu_perp": RATIO_ALONG, "e_par_over_mu_perp": RATIO_TENSILE},
    )


def _rounded(values: FloatArray) -> list[float]:
    return [round(float(v), 4) for v in values]


def declaration(layout: Layout) -> dict[str, Any]:
    """Return the JSON of a frame, without landmarks."""
    return {
        "Quantity": "youngs_3rhoc2", "Units": "kPa", "Range": list(RANGE_KPA),
        "Opacity": OPACITY, "Density": DENSITY, "ColorBarBox": list(layout.bar),
        "ColorBox": list(layout.overlay), "SlabThickness": SLAB_MM,
        "Manufacturer": "Pennate",
    }  # fmt: skip
