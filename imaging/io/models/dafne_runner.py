"""Run by the Python of the user's Dafne, not by Pennate's: apply a ``.model`` file to an image.

Usage: ``python dafne_runner.py IMAGE.npz FILE.model ANSWER.npz``. IMAGE holds ``image`` (axes left,
posterior, superior), ``affine`` and ``resolution`` of it, and ``classification``. ANSWER holds one
mask per name on the same axes. Imports nothing of Pennate: Dafne's environment has none of it.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any

import numpy as np


def main(image_path: str, model_path: str, answer_path: str) -> None:
    """Load the model, apply it slice by slice or at once, and save its masks."""
    from dafne_dl.model_loaders import generic_load_model

    quiet = {}
    if "install_deps" in inspect.signature(generic_load_model).parameters:
        quiet["install_deps"] = False  # nothing is installed behind the user's back
    with open(model_path, "rb") as file:  # noqa: PTH123
        model = generic_load_model(file, **quiet)
    given = np.load(image_path)
    asked = {"classification": str(given["classification"]), "options": {}}
    apply = _volume if str(getattr(model, "data_dimensionality", 2)) == "3" else _slices
    masks = apply(model, given["image"], given["affine"], given["resolution"], asked)
    print("timestamp", getattr(model, "timestamp_id", "unknown"))
    empty = np.zeros((0, *given["image"].shape), bool)
    np.savez(
        answer_path,
        names=np.array(list(masks), dtype=str),
        masks=np.stack(list(masks.values())) if masks else empty,
    )


def _slices(model: Any, image: Any, _: Any, resolution: Any, asked: dict) -> dict[str, Any]:
    """Apply a 2-D model to slices as they are shown: rows to posterior, columns to the left."""
    masks: dict[str, Any] = {}
    asked = {**asked, "split_laterality": True, "resolution": resolution[[1, 0]]}
    for k in range(image.shape[2]):
        for name, mask in model.apply({"image": image[:, :, k].T, **asked}).items():
            masks.setdefault(name, np.zeros(image.shape, bool))[:, :, k] = np.asarray(mask).T > 0
    return masks


def _volume(model: Any, image: Any, affine: Any, resolution: Any, asked: dict) -> dict[str, Any]:
    """Apply a 3-D model; Axial means axes to right, posterior and inferior."""
    orientation = model.get_metadata().get("orientation") or ""
    if orientation and str(orientation).lower()[0] not in "at":
        sys.exit(f"the model wants {orientation} slices, which is not supported")
    flips = (slice(None, None, -1), slice(None), slice(None, None, -1)) if orientation else ()
    if orientation:
        turn = np.diag([-1.0, 1.0, -1.0, 1.0])
        turn[0, 3], turn[2, 3] = image.shape[0] - 1, image.shape[2] - 1
        affine = affine @ turn
    asked = {**asked, "split_laterality": False, "resolution": resolution, "affine": affine}
    answer = model.apply({"image": np.ascontiguousarray(image[flips]), **asked})
    return {name: (np.asarray(mask) > 0)[flips] for name, mask in answer.items()}


if __name__ == "__main__":
    main(*sys.argv[1:4])
