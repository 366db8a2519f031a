"""What the viewer page carries: volumes, surfaces, fascicles and tables, small enough to inline.

Scalars are carried as one byte: 0 where nothing was measured, 1..255 from `low` to `high`.
Coordinates are carried as 16-bit steps from a corner, world RAS+ mm.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterable, Mapping
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imaging import __version__
from imaging.export.activation import PAINTED, curves
from imaging.export.colours import GREY, colour_scale, muscle_colour
from imaging.export.inputs import Fascicles, MuscleMap, full_name
from imaging.image import Image, regrid, resample
from imaging.musclemap.table import measure_of_column, title_of
from imaging.muscles import side_of, structure_of

# Voxels carried; anatomy and labels share a grid.
_ANATOMY_VOXELS = 2_500_000
_OVERLAY_VOXELS, _ALL_OVERLAYS_VOXELS = 600_000, 5_000_000
_STEP_MM = 0.02
_LAYERS_LEFT_OUT = ("label", "anatomy")
# Endings of columns that belong to another column of the wide table.
_PARTS = ("_sd", "_n", "_ci_low", "_ci_high", "_status")
# Ending of a name, unit to print. Longest first.
_UNITS = {
    "_mm2_per_s": "mm²/s", "_kg_per_m3": "kg/m³", "_per_m": "1/m", "_percent": "%", "_mm": "mm",
    "_deg": "°", "_ml": "ml", "_cm2": "cm²", "_Pa": "Pa", "_rad": "rad",
}  # fmt: skip
# Start of a name without such an ending.
_LAYER_UNITS = {
    "md": "mm²/s", "ad": "mm²/s", "rd": "mm²/s", "dispersion": "°",
    "stiffness_mdev_lossangle": "rad", "stiffness": "Pa", "activation_peak": "%",
}  # fmt: skip
_WORDS = {"fa": "FA", "md": "MD", "ad": "AD", "rd": "RD", "pcsa": "PCSA", "mdev": "(MDEV)",
          "snr": "SNR", "b0": "b0", "emg": "EMG"}  # fmt: skip


def payload(muscle_map: MuscleMap, *, all_fascicles: int) -> dict[str, Any]:
    """Return everything the page shows, ready for JSON.

    Parameters
    ----------
    muscle_map
        Parts that are missing are left out and named; see :func:`imaging.export.mesh.for_screen`.
    all_fascicles
        Number in the whole map.
    """
    kept = muscle_map.fascicles
    corner = _corner(muscle_map, kept)
    overlays = _overlays(muscle_map.arrays)
    return {
        "subject": muscle_map.prefix,
        "version": __version__,
        "volumes": _volumes(muscle_map.arrays),
        "overlays": overlays,
        "corner": corner.tolist(),
        "step": _STEP_MM,
        "structures": _structures(muscle_map, kept, corner),
        "fascicles": _fascicle_facts(kept, all_fascicles),
        "columns": _columns(muscle_map.muscles),
        "activation": _activation(muscle_map),
        "scales": {"measure": colour_scale("viridis"), "activation": colour_scale("plasma")},
        "grey": GREY,
        "warnings": collect(muscle_map.notes, "warnings"),
        "missing": _missing(muscle_map, overlays),
    }


def title_and_unit(name: str) -> tuple[str, str]:
    """Return a title and a unit to print for a name such as ``pennation_start_deg``."""
    unit = ""
    if not name.endswith(("_fraction", "_confidence")):
        starts = (u for start, u in _LAYER_UNITS.items() if f"{name}_".startswith(f"{start}_"))
        unit = next(starts, "")
    for ending, printed in _UNITS.items():
        if name.endswith(ending):
            name, unit = name[: -len(ending)], printed
            break
    words = [_WORDS.get(word, word) for word in name.split("_")]
    title = " ".join(words)
    if title.startswith("activation") and not title.endswith("painted"):
        title += " painted"
    title = title.replace("activation", "EMG activation")
    return title[:1].upper() + title[1:], unit


def collect(notes: Any, key: str) -> list[str]:
    """Return every sentence under a key, anywhere in the notes of the stages, each once."""
    found: list[str] = []
    if isinstance(notes, Mapping):
        for name, content in notes.items():
            found += _sentences(content) if name == key else collect(content, key)
    elif isinstance(notes, list):
        for item in notes:
            found += collect(item, key)
    return list(dict.fromkeys(found))


def _sentences(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if isinstance(content, Mapping):
        if set(content) >= {"what", "why"}:
            return [f"{content['what']}: {content['why']}"]
        return [f"{name}: {text}" for name, v in content.items() for text in _sentences(v)]
    if isinstance(content, list):
        return [text for item in content for text in _sentences(item)]
    return []


def scaled_bytes(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return values as 1..255 from `low` to `high`, and 0 where they are not finite."""
    finite = np.isfinite(values)
    span = high - low if high > low else 1.0
    share = np.clip((np.where(finite, values, low) - low) / span, 0.0, 1.0)
    return np.where(finite, np.rint(1 + 254 * share), 0).astype(np.uint8)


def _volumes(arrays: Mapping[str, Image]) -> dict[str, str]:
    grid = _smaller(arrays["label"], _ANATOMY_VOXELS)
    anatomy = arrays.get("anatomy", arrays["label"].with_data(np.zeros(arrays["label"].shape)))
    values = resample(anatomy.with_data(np.nan_to_num(anatomy.data).astype(np.float32)), grid).data
    low, high = np.percentile(values, [0.5, 99.5])
    span = high - low if high > low else 1.0
    shades = np.clip((values - low) / span * 255, 0, 255).astype(np.uint8)
    labels = resample(arrays["label"], grid, order=0).data
    return {
        "anatomy": _nifti(Image(shades, grid.affine)),
        "labels": _nifti(Image(labels.astype(np.uint8), grid.affine)),
    }


def _overlays(arrays: Mapping[str, Image]) -> list[dict[str, Any]]:
    chosen = {
        name: image
        for name, image in arrays.items()
        if name not in _LAYERS_LEFT_OUT and image.data.ndim == 3 and np.isfinite(image.data).any()
    }
    out = []
    for name, image in chosen.items():
        # Background is 0 in arrays that were never masked.
        background = (image.data == 0) & (arrays["label"].data == 0)
        data = np.where(background, np.nan, image.data).astype(np.float32)
        small = _cropped(image.with_data(data))
        if small is None:
            continue
        voxels = min(_OVERLAY_VOXELS, _ALL_OVERLAYS_VOXELS // len(chosen))
        small = resample(small, _smaller(small, voxels), order=0, fill=np.nan)
        low, high = _range(small.data)
        title, unit = title_and_unit(name)
        out.append(
            {"id": name, "title": title, "unit": unit, "low": low, "high": high,
             "nifti": _nifti(small.with_data(scaled_bytes(small.data, low, high)))}
        )  # fmt: skip
    return out


def _cropped(image: Image) -> Image | None:
    """Return the part of an image that holds finite values."""
    where = np.nonzero(np.isfinite(image.data))
    if len(where[0]) == 0:
        return None
    low = np.array([w.min() for w in where])
    high = np.array([w.max() for w in where]) + 1
    affine = image.affine.copy()
    affine[:3, 3] = image.to_world(low)
    part = image.data[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    return Image(part, affine)


def _smaller(image: Image, voxels: int) -> Image:
    """Return a grid of the same field of view with about so many voxels at most."""
    spacing, extent = image.spacing, np.array(image.shape) * image.spacing
    # The finest axes are thinned first, so that thick slices stay as they are.
    target = spacing.copy()
    while np.prod(np.maximum(np.rint(extent / target), 1)) > voxels:
        target = np.where(target == target.min(), target * 1.1, target)
    return image if np.array_equal(target, spacing) else regrid(image, target)


def _structures(
    muscle_map: MuscleMap, fascicles: Fascicles | None, corner: NDArray[Any]
) -> list[dict[str, Any]]:
    lines = dict(fascicles.by_label()) if fascicles is not None and len(fascicles) else {}
    rows = muscle_map.muscles.set_index("label")
    present = set(np.unique(muscle_map.arrays["label"].data).tolist()) - {0}
    active = muscle_map.active_labels()
    out = []
    for label in sorted(present | set(muscle_map.surfaces) | set(lines)):
        part = structure_of(int(label))
        entry: dict[str, Any] = {
            "label": int(label), "key": part.key, "side": side_of(int(label)),
            "name": full_name(int(label)), "tissue": part.tissue, "muscle": part.is_muscle,
            "colour": muscle_colour(int(label)), "emg": label in active,
            "row": _row(rows, label),
        }  # fmt: skip
        if label in muscle_map.surfaces:
            mesh = muscle_map.surfaces[label]
            entry["points"] = _steps(np.asarray(mesh.points), corner)
            entry["faces"] = _packed(np.asarray(mesh.regular_faces).astype("<u4"))
        if label in lines:
            entry["lines"] = _lines(lines[label], fascicles, corner)
        out.append(entry)
    return out


def _lines(part: Fascicles, of_all: Fascicles | None, corner: NDArray[Any]) -> dict[str, Any]:
    values = {}
    for name in [] if of_all is None else of_all.measures:
        low, high = _range(of_all.data[name].to_numpy(float))  # type: ignore[union-attr]
        values[name] = _packed(scaled_bytes(part.data[name].to_numpy(float), low, high))
    return {
        "points": _steps(part.points, corner),
        "offsets": _packed(part.offsets.astype("<u4")),
        "values": values,
    }


def _fascicle_facts(kept: Fascicles | None, count: int) -> dict[str, Any] | None:
    if kept is None or len(kept) == 0:
        return None
    measures = []
    for name in kept.measures:
        low, high = _range(kept.data[name].to_numpy(float))
        title, unit = title_and_unit(name)
        measures.append({"id": name, "title": title, "unit": unit, "low": low, "high": high})
    return {"measures": measures, "shown": len(kept), "all": count}


def _columns(muscles: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the measures of the wide table that hold a value for any muscle."""
    out = []
    for column in muscles.columns:
        name = str(column)
        if name == "label" or name.endswith(_PARTS):
            continue
        values = muscles[column]
        if pd.api.types.is_numeric_dtype(values) and values.notna().any():
            title, unit = _column_title(name)
            low, high = float(values.min()), float(values.max())
            out.append({"id": name, "title": title, "unit": unit, "low": low, "high": high})
    return out


def _column_title(column: str) -> tuple[str, str]:
    found = measure_of_column(column)
    if found is None:
        return title_and_unit(column)
    title = title_of(found[0])
    unit = {"1": "", "percent": "%", "deg": "°", "mm2/s": "mm²/s", "cm2": "cm²"}
    return title[:1].upper() + title[1:], unit.get(found[1], found[1])


def _row(rows: pd.DataFrame, label: int) -> dict[str, Any]:
    """Return a muscle's values as ``name: [value, sd, status]``."""
    if label not in rows.index:
        return {}
    row = {str(name): value for name, value in rows.loc[label].items()}
    out = {}
    for name in row:
        value = _figure(row[name])
        if not name.endswith(_PARTS) and value is not None:
            status = str(row.get(f"{name}_status", ""))
            out[name] = [value, _figure(row.get(f"{name}_sd")), status]
    return out


def _figure(value: Any) -> float | None:
    if not isinstance(value, int | float | np.number) or not np.isfinite(value):
        return None
    return float(value)


def _activation(muscle_map: MuscleMap) -> dict[str, Any] | None:
    found = curves(muscle_map.activation)
    if found is None:
        return None
    shares = {str(k): np.round(found.shares(k), 4).tolist() for k in found.values}
    return {"percent": found.percent.tolist(), "shares": shares, "largest": found.largest,
            "unit": found.unit, "note": PAINTED}  # fmt: skip


def _missing(muscle_map: MuscleMap, overlays: Iterable[Mapping[str, Any]]) -> list[str]:
    out = collect(muscle_map.notes, "missing")
    if muscle_map.fascicles is None:
        out.append("No fascicles: the map holds no diffusion data")
    if muscle_map.activation is None:
        out.append("No activation: the map holds no EMG recording")
    if not any(str(layer["id"]).startswith("stiffness") for layer in overlays):
        out.append("No stiffness: the map holds no elastography")
    return list(dict.fromkeys(out))


def _range(values: NDArray[Any]) -> tuple[float, float]:
    """Return the 2nd and 98th percentile of the finite values, three significant digits."""
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [2, 98]) if finite.size else (0.0, 1.0)
    return float(f"{low:.3g}"), float(f"{high:.3g}")


def _corner(muscle_map: MuscleMap, fascicles: Fascicles | None) -> NDArray[np.float64]:
    clouds = [np.asarray(mesh.points) for mesh in muscle_map.surfaces.values() if mesh.n_points]
    if fascicles is not None and len(fascicles):
        clouds.append(fascicles.points)
    lows = [cloud.min(axis=0) for cloud in clouds] or [np.zeros(3)]
    return np.floor(np.min(lows, axis=0)).astype(np.float64)


def _steps(points: NDArray[Any], corner: NDArray[Any]) -> str:
    return _packed(np.rint((points - corner) / _STEP_MM).clip(0, 65535).astype("<u2"))


def _packed(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _nifti(image: Image) -> str:
    raw = nib.Nifti1Image(image.data, image.affine).to_bytes()
    return base64.b64encode(gzip.compress(raw, 6, mtime=0)).decode()
