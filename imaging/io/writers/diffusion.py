"""Files of the diffusion stage: cleaned series, maps of the tensor, measures and notes."""

from __future__ import annotations

from pathlib import Path

from imaging.io.cleaned_series import DiffusionOutput
from imaging.io.gradients import write_gradients
from imaging.stage_files import StageFiles
from imaging.threads import in_threads

# What is always written, by the names of the result's attributes.
_MAPS = ("b0", "b0_uncorrected", "mask", "fa", "md", "ad", "rd", "tensor", "noisy_tensor", "e1",
         "residual", "snr")  # fmt: skip
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
        files.image(key, result.dwi.with_data(getattr(result, key)), **more)

    for _ in in_threads(save, ("dwi", *_MAPS)):  # it is packing that takes time
        pass
    if result.perfusion is not None:
        files.image("perfusion", result.dwi.with_data(result.perfusion))
    found = result.distortion
    if found is not None and found.status == "corrected":
        axis = "ijk"[found.axis]
        moved = result.dwi.with_data(found.displacement_mm)
        files.image("displacement", moved, {"axis": axis}, Axis=axis, Method=found.method)
    files.measures(result.measures)
    files.notes(cleaned.notes)
    return files.path("noisy_tensor")
