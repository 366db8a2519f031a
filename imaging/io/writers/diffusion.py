"""Files of the diffusion stage: cleaned series, maps of the tensor, measures and notes."""

from __future__ import annotations

from pathlib import Path

from imaging.io.cleaned_series import DiffusionOutput
from imaging.io.gradients import write_gradients
from imaging.stage_files import StageFiles
from imaging.threads import in_threads

# What is always written, by the names of the result's attributes.
_MAPS = ("dwi", "b0", "b0_uncorrected", "mask", "fa", "md", "ad", "rd", "tensor", "noisy_tensor",
         "e1", "residual", "snr")  # fmt: skip
# Maps that turn with the gradient table.
_DIRECTIONAL = ("tensor", "noisy_tensor", "e1")


def write_diffusion(folder: Path, prefix: str, cleaned: DiffusionOutput) -> Path:
    """Write every file of the stage, and return the tensor that the fibre stage reads.

    Parameters
    ----------
    folder
        Scratch folder.
    prefix
        Start of file names.
    cleaned
        What came of a series.
    """
    result = cleaned.result
    files = StageFiles("diffusion", folder, prefix, cleaned.inputs, cleaned.settings)
    bval, bvec = files.path("dwi", ".bval"), files.path("dwi", ".bvec")
    write_gradients(result.table, result.dwi.affine, bval, bvec)

    def save(key: str) -> None:
        more = {"GradientTable": result.facts["gradient_check"]} if key in _DIRECTIONAL else {}
        found = getattr(result, key)
        files.image(key, found if key == "dwi" else result.dwi.with_data(found), **more)

    for _ in in_threads(save, _MAPS):  # it is packing that takes time
        pass
    if result.perfusion is not None:
        files.image("perfusion", result.dwi.with_data(result.perfusion))
    distortion = result.distortion
    if distortion is not None and distortion.status == "corrected":
        axis = "ijk"[distortion.axis]
        moved = result.dwi.with_data(distortion.displacement_mm)
        files.image("displacement", moved, {"axis": axis}, Axis=axis, Method=distortion.method)
    files.measures(result.measures)
    files.notes(cleaned.notes)
    return files.path("noisy_tensor")
