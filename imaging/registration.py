"""Rigid registration of two images of one leg or body, any contrasts.

Mattes D, et al. PET-CT image registration in the chest using free-form deformations. IEEE Trans
Med Imaging 2003;22:120 (mutual information).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from imaging.arrays import FloatArray
from imaging.errors import ComputationError
from imaging.formats.itk import sitk_affine_to_ras, to_sitk
from imaging.image import Image

MAX_SHIFT_MM = 30.0
MAX_ROTATION_DEG = 15.0
_MARGIN_MM = 8.0
_SMOOTH_MM = 3.0  # of the images from which a search starts
_SAMPLES = 40_000
_COARSE_SAMPLES = 10_000
_MIN_GAIN = 1.02  # of mutual information; interpolation alone changes it by a per cent
_BINS = 32
_SEED = 1


@dataclass(frozen=True)
class Alignment:
    """Where an image lies in the world of another.

    Attributes
    ----------
    world : (4, 4) array
        Rigid, from the world of the fixed image to that of the moving one, RAS+ mm.
    status : str
        ``registered``; ``kept``: the header position was at least as good; ``refused``: the
        result was implausible and the header position is kept.
    shift_mm : float
        Root mean square displacement inside the mask: applied, or found and refused;
        0 when kept.
    rotation_deg : float
        Angle of that rotation.
    metric_before, metric_after : float
        Mutual information, higher is better.
    """

    world: FloatArray
    status: Literal["registered", "kept", "refused"]
    shift_mm: float
    rotation_deg: float
    metric_before: float
    metric_after: float


def overlap_share(image: Image, mask: NDArray[np.bool_], other: Image) -> float:
    """Return the share of mask voxels that lie inside the field of view of another image."""
    points = image.to_world(np.argwhere(mask)[:: max(1, int(mask.sum()) // 20_000)])
    voxels = other.to_voxels(points)
    inside = ((voxels > -0.5) & (voxels < np.array(other.shape) - 0.5)).all(1)
    return float(inside.mean())


def register_rigid(fixed: Image, mask: NDArray[np.bool_], moving: Image) -> Alignment:
    """Find the rigid motion that puts one image onto another.

    Parameters
    ----------
    fixed : Image
        3-D, any contrast.
    mask : (I, J, K) bool array
        Legs in `fixed`; a rim around them is used too.
    moving : Image
        3-D, any contrast, overlapping with `fixed`.

    Raises
    ------
    ComputationError
        The optimiser failed.
    """
    rim = ndimage.distance_transform_edt(~mask, sampling=fixed.spacing) <= _MARGIN_MM
    still, movable = to_sitk(_float(fixed)), to_sitk(_float(moving))
    fixed_mask = to_sitk(fixed.with_data(rim.astype(np.uint8)))
    points = fixed.to_world(np.argwhere(mask)[:: max(1, int(mask.sum()) // 5000)])
    centre = points.mean(0)
    inside = max(int(rim.sum()), 1)

    def method(samples: int, step: float) -> sitk.ImageRegistrationMethod:
        registration = sitk.ImageRegistrationMethod()
        registration.SetNumberOfThreads(1)  # sums in another order would change the last bits
        registration.SetMetricAsMattesMutualInformation(_BINS)
        registration.SetMetricFixedMask(fixed_mask)
        registration.SetMetricSamplingStrategy(registration.RANDOM)
        registration.SetMetricSamplingPercentage(min(1.0, samples / inside), _SEED)
        # Differences where samples fall; a smooth gradient of the whole image takes longer than
        # all else, and is not that of the metric.
        registration.MetricUseFixedImageGradientFilterOff()
        registration.MetricUseMovingImageGradientFilterOff()
        registration.SetInterpolator(sitk.sitkLinear)
        registration.SetOptimizerAsRegularStepGradientDescent(
            learningRate=step, minStep=0.01, numberOfIterations=60, relaxationFactor=0.6
        )
        registration.SetOptimizerScalesFromPhysicalShift()
        return registration

    def metric(transform: sitk.Transform) -> float:
        single = method(_SAMPLES, 1.0)
        single.SetInitialTransform(transform)
        return -float(single.MetricEvaluate(still, movable))

    try:
        before = metric(_rigid(centre, (0, 0, 0)))
        found = [_rigid(centre, start) for start in _STARTS]
        smooth = [sitk.SmoothingRecursiveGaussian(image, _SMOOTH_MM) for image in (still, movable)]
        for transform in found:
            registration = method(_COARSE_SAMPLES, 2.0)
            registration.SetInitialTransform(transform, inPlace=True)
            registration.Execute(*smooth)
        best = max(found, key=metric)
        registration = method(_SAMPLES, 0.5)
        registration.SetInitialTransform(best, inPlace=True)
        registration.Execute(still, movable)
        after, world = metric(best), sitk_affine_to_ras(best)
    except RuntimeError as error:
        raise ComputationError(
            f"Rigid registration of two images failed: {str(error).splitlines()[-1]}"
        ) from error
    moved = points @ world[:3, :3].T + world[:3, 3] - points
    shift = float(np.sqrt(np.square(moved).sum(1).mean()))
    angle = float(np.degrees(np.arccos(np.clip((np.trace(world[:3, :3]) - 1) / 2, -1, 1))))
    status: Literal["registered", "kept", "refused"] = "registered"
    if shift > MAX_SHIFT_MM or angle > MAX_ROTATION_DEG:
        status = "refused"
    elif after <= before * _MIN_GAIN:
        status, shift, angle = "kept", 0.0, 0.0
    # The optimiser's last bits differ between runs; a nanometre does not matter.
    used = np.round(world, 9) if status == "registered" else np.eye(4)
    return Alignment(used, status, shift, angle, before, after)


# Translations (mm, world RAS+) from which the search starts: the header, and displaced patients.
_STARTS = ((0.0, 0.0, 0.0), (0.0, 0.0, 8.0), (0.0, 0.0, -8.0), (8.0, 0.0, 0.0), (-8.0, 0.0, 0.0))


def _rigid(centre: FloatArray, shift: tuple[float, float, float]) -> sitk.Euler3DTransform:
    """Return a translation about a centre, both in world RAS+ mm, for SimpleITK (LPS+)."""
    transform = sitk.Euler3DTransform()
    transform.SetCenter([-centre[0], -centre[1], centre[2]])
    transform.SetTranslation([-shift[0], -shift[1], shift[2]])
    return transform


def _float(image: Image) -> Image:
    return image.with_data(image.data.astype(np.float32))
