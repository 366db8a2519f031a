"""Stiffness maps of the stages: which there are, what each is, and their layers in the map.

Magnetic resonance (``mre``) and ultrasound (``us``) stay apart, and so do methods and quantities:
frequency, posture and mode differ, so that an average would mean nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import UnitError
from imaging.formats.json import optional_sidecar, read_json
from imaging.formats.nifti import load_image
from imaging.image import Image
from imaging.measures import Measure
from imaging.musclemap.fusion import MuscleSampler, eroded_labels
from imaging.musclemap.inputs import Stages
from imaging.musclemap.stiffness_titles import known_maps, title_of_map
from imaging.muscles import muscle_labels
from imaging.provenance import sidecar_path

#: Stages that give stiffness maps.
SOURCES = ("mre", "us")


@dataclass(frozen=True)
class StiffnessMap:
    """One map of one method.

    Attributes
    ----------
    path : Path
    stage : str
        ``mre`` or ``us``.
    method, suffix : str
        As in the file name: ``P_desc-<method>_<suffix>.nii.gz``.
    unit, quantity : str
        From the sidecar; the quantity may be empty for what is no stiffness.
    frequencies_hz : tuple of float
        Of the vibration; empty where it is not one frequency (a pushed pulse).
    words : str
        The method in the words of its stage.
    """

    path: Path
    stage: str
    method: str
    suffix: str
    unit: str
    quantity: str = ""
    frequencies_hz: tuple[float, ...] = ()
    words: str = ""

    @property
    def key(self) -> str:
        """``mdev``, ``ti_muperp`` ...: the name without ``stiffness_``."""
        return self.method if self.suffix == "stiffness" else f"{self.method}_{self.suffix}"

    @property
    def layer(self) -> str:
        """Name of the layer of the map."""
        return f"stiffness_{self.key}"

    @property
    def is_modulus(self) -> bool:
        """Whether the values are Pa, and no share, angle or condition."""
        return self.unit == "Pa"

    @property
    def frequency(self) -> str:
        """``60 Hz``, ``40+50+60 Hz``, or empty."""
        return (
            "+".join(f"{f:g}" for f in self.frequencies_hz) + " Hz" if self.frequencies_hz else ""
        )


def find_maps(stages: Stages) -> list[StiffnessMap]:
    """Return every map of every method that has a mask, magnetic resonance first.

    Raises
    ------
    UnitError
        A map without a declared unit.
    """
    out = []
    for stage in (s for s in SOURCES if s in stages.folders):
        start = f"{stages.prefix}_desc-"
        for mask in sorted(stages.folders[stage].glob(f"{start}*_mask.nii.gz")):
            method = mask.name.removeprefix(start).removesuffix("_mask.nii.gz")
            for path in sorted(stages.folders[stage].glob(f"{start}{method}_*.nii.gz")):
                if path != mask:
                    out.append(_described(path, stage, method, start))
    return out


def _described(path: Path, stage: str, method: str, start: str) -> StiffnessMap:
    about = optional_sidecar(path)
    if not about.get("Units"):
        raise UnitError(
            "declares no Units in its sidecar", path, "Make it again with pennate elastography"
        )
    hertz = about.get("FrequencyHz") or []
    return StiffnessMap(
        path=path,
        stage=stage,
        method=method,
        suffix=path.name.removeprefix(f"{start}{method}_").removesuffix(".nii.gz"),
        unit=str(about["Units"]),
        quantity=str(about.get("Quantity") or ""),
        frequencies_hz=tuple(float(f) for f in (hertz if isinstance(hertz, list) else [hertz])),
        words=str(about.get("Method") or ""),
    )


def stiffness_layers(
    stages: Stages, maps: Sequence[StiffnessMap], labels: Image, erode_mm: float
) -> dict[str, NDArray[np.float32]]:
    """Return one layer per map, only inside eroded muscles, NaN where nothing was measured.

    Fat and fascia would leak in at borders. Voxels of one method are those of its mask.
    """
    out: dict[str, NDArray[np.float32]] = {}
    core = eroded_labels(labels, erode_mm) if maps else labels
    for stage, method in dict.fromkeys((m.stage, m.method) for m in maps):
        mask = stages.image(stage, f"desc-{method}_mask.nii.gz")
        assert mask is not None, "maps are found by their masks"
        sampler = MuscleSampler(core, mask)
        for one in (m for m in maps if (m.stage, m.method) == (stage, method)):
            found = stages.path(stage, f"desc-{method}_{one.suffix}.nii.gz")
            assert found is not None
            image = load_image(found)
            # Moduli and angles may hold in fewer voxels than the mask of their method.
            known = mask.data > 0
            if one.unit in ("Pa", "deg"):
                known = known & (image.data != 0)
            out[one.layer] = sampler(image, known)
    return out


def coverage(
    maps: Sequence[StiffnessMap], layers: dict[str, NDArray[Any]], labels: Image
) -> list[Measure]:
    """Return the share of each muscle's voxels at which a method of waves gave a modulus."""
    out = []
    # Ultrasound tells its own coverage, that of its slabs.
    for method in dict.fromkeys(m.method for m in maps if m.is_modulus and m.stage == "mre"):
        own = [layers[m.layer] for m in maps if m.is_modulus and m.method == method]
        known = np.any([np.isfinite(layer) for layer in own], axis=0)
        total = np.bincount(labels.data.ravel())
        hit = np.bincount(labels.data[known].ravel(), minlength=len(total))
        for label in muscle_labels(labels.data):
            value, n = float(hit[label] / total[label]), int(total[label])
            out.append(Measure(label, f"stiffness_{method}_coverage", value, "1", n=n,
                               note="n voxels of the muscle on the grid of the map"))  # fmt: skip
    return out


def descriptions(maps: Sequence[StiffnessMap]) -> dict[str, dict[str, Any]]:
    """Return description, unit, quantity and frequency of every layer."""
    out: dict[str, dict[str, Any]] = {}
    for m in maps:
        known = known_maps().get(m.key)
        text = known["meaning"] if known else f"{title_of_map(m.key)} of the stage {m.stage}"
        entry: dict[str, Any] = {"Description": f"{text}; inside eroded muscles", "Units": m.unit}
        if m.quantity:
            entry["Quantity"] = m.quantity
        if m.frequencies_hz:
            entry["FrequencyHz"] = list(m.frequencies_hz)
        if m.words:
            entry["Method"] = m.words
        out[m.layer] = entry
    return out


def keys_of_waves(path: Path) -> dict[str, Any]:
    """Return what the sidecar of a displacement says of its unit, frequency and driver."""
    sidecar = sidecar_path(path)
    if not sidecar.is_file():
        return {}
    about = read_json(sidecar, "Run the stage again")
    return {k: about[k] for k in ("Units", "FrequencyHz", "Driver") if k in about}


def why_not_fibre_aware(stages: Stages, maps: Sequence[StiffnessMap]) -> dict[str, str]:
    """Return the reason, under ``ti``, why waves gave no stiffness along and across fibres."""
    from_waves = {m.method for m in maps if m.stage == "mre"} - {"ready"}
    if not from_waves or "ti" in from_waves:
        return {}
    if "fibre" in stages.missing:
        return {"ti": f"it needs fibre directions, and {stages.missing['fibre']}"}
    return {"ti": "the waves were inverted without fibre directions"}
