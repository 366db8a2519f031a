"""Words and units for readers, the same on the page, in the viewer and in exports."""

from __future__ import annotations

from typing import NamedTuple

from imaging.musclemap.stiffness_titles import known_maps, title_of_map
from imaging.musclemap.table import definition_of, measure_of_column, title_of

# Unit in the files to the unit shown and the factor to it.
_SHOWN = {
    "Pa": ("kPa", 1e-3), "mm2/s": ("10⁻³ mm²/s", 1e3), "cm2": ("cm²", 1.0), "deg": ("°", 1.0),
    "1": ("", 1.0), "percent": ("%", 1.0), "Pa/cm": ("kPa/cm", 1e-3),
    "percent/cm": ("%/cm", 1.0), "percent/min": ("%/min", 1.0), "s/mm2": ("s/mm²", 1.0),
    "kg/m3": ("kg/m³", 1.0),
}  # fmt: skip
# Ending of a name, its unit in the files. Longest first.
_ENDINGS = {
    "_mm2_per_s": "mm2/s", "_kg_per_m3": "kg/m3", "_per_m": "1/m", "_percent": "percent",
    "_mm": "mm", "_deg": "deg", "_ml": "ml", "_cm2": "cm2", "_Pa": "Pa", "_rad": "rad", "_N": "N",
}  # fmt: skip
# Start of a name without such an ending.
_LAYER_UNITS = {
    "md": "mm2/s", "ad": "mm2/s", "rd": "mm2/s", "dispersion": "deg", "activation_peak": "percent",
    "fat_fraction": "percent", "t2": "ms",
}  # fmt: skip
# Of a fascicle and not of a muscle: not in the dictionary of measures.
_TITLES = {"length": "fascicle length", "snr": "SNR", "b0": "b0"}
_STIFFNESS = "stiffness_"
# What a fascicle has of a layer it runs through.
_PARTS = ("mean", "ends", "middle", "measured_fraction")


class Shown(NamedTuple):
    """How a figure is shown: title, unit, and the factor from the unit in the files to it."""

    title: str
    unit: str
    factor: float = 1.0


def shown_unit(unit: str) -> tuple[str, float]:
    """Return the unit shown to readers and the factor from the unit in the files."""
    return _SHOWN.get(unit, (unit, 1.0))


def capital(title: str) -> str:
    """Begin with a capital letter; a symbol such as μ and a name such as b0 stay what they are."""
    starts_a_word = title[:1].isascii() and title[1:2] not in "0123456789²₀"
    return title[:1].upper() + title[1:] if starts_a_word else title


def shown(name: str) -> Shown:
    """Return how a layer, or a figure of fascicles such as ``pennation_start_deg``, is shown."""
    if name.startswith(_STIFFNESS):
        return _stiffness(name)
    unit = "1"
    if not name.endswith(("_fraction", "_confidence")) or name in _LAYER_UNITS:
        starts = (u for start, u in _LAYER_UNITS.items() if f"{name}_".startswith(f"{start}_"))
        unit = next(starts, "1")
    for ending, of_name in _ENDINGS.items():
        if name.endswith(ending):
            name, unit = name.removesuffix(ending), of_name
            break
    return Shown(capital(_words(name)), *shown_unit(unit))


def _words(name: str) -> str:
    """Return the title of the measure with this name, or of the measure that it is a part of."""
    if name in _TITLES:
        return _TITLES[name]
    if definition_of(name) is not None and not name.startswith("activation"):
        return title_of(name)
    for ending in _PARTS:
        whole = name.removesuffix(f"_{ending}")
        if whole != name and definition_of(whole) is not None:
            return f"{title_of(whole)}, {ending.replace('_', ' ')}"
    title = " ".join(_TITLES.get(word, word) for word in name.split("_"))
    if title.startswith("activation") and not title.endswith("painted"):
        title += " painted"
    return title.replace("activation", "EMG activation")


def _stiffness(name: str) -> Shown:
    """Return how a stiffness layer is shown, or what fascicles have of it."""
    key, part = name.removeprefix(_STIFFNESS), ""
    for ending in _PARTS:
        if key not in known_maps() and key.endswith(f"_{ending}"):
            key, part = key.removesuffix(f"_{ending}"), ending.replace("_", " ")
            break
    known = known_maps().get(key)
    unit = "1" if part == "measured fraction" else known["unit"] if known else "Pa"
    title = title_of_map(key) + (f", {part}" if part else "")
    return Shown(capital(title), *shown_unit(unit))


def shown_column(column: str) -> Shown:
    """Return how a column of the wide table is shown."""
    found = measure_of_column(column)
    if found is None:
        return shown(column)
    return Shown(capital(title_of(found[0])), *shown_unit(found[1]))
