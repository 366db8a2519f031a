"""Titles and units to print for layers, figures of fascicles and columns of the wide table."""

from __future__ import annotations

from imaging.musclemap.stiffness_titles import known_maps, title_of_map
from imaging.musclemap.table import measure_of_column, title_of

# Ending of a name, unit to print. Longest first.
_UNITS = {
    "_mm2_per_s": "mm²/s", "_kg_per_m3": "kg/m³", "_per_m": "1/m", "_percent": "%", "_mm": "mm",
    "_deg": "°", "_ml": "ml", "_cm2": "cm²", "_Pa": "Pa", "_rad": "rad", "_N": "N",
}  # fmt: skip
# Start of a name without such an ending.
_LAYER_UNITS = {
    "md": "mm²/s", "ad": "mm²/s", "rd": "mm²/s", "dispersion": "°", "activation_peak": "%",
}  # fmt: skip
_WORDS = {"fa": "FA", "md": "MD", "ad": "AD", "rd": "RD", "pcsa": "PCSA", "snr": "SNR",
          "b0": "b0", "emg": "EMG"}  # fmt: skip
_STIFFNESS = "stiffness_"
# What a fascicle has of a layer it runs through.
_PARTS = ("mean", "ends", "middle", "measured_fraction")


def title_and_unit(name: str) -> tuple[str, str]:
    """Return a title and a unit to print for a name such as ``pennation_start_deg``."""
    if name.startswith(_STIFFNESS):
        return _stiffness(name)
    unit = ""
    if not name.endswith(("_fraction", "_confidence")):
        starts = (u for start, u in _LAYER_UNITS.items() if f"{name}_".startswith(f"{start}_"))
        unit = next(starts, "")
    for ending, printed in _UNITS.items():
        if name.endswith(ending):
            name, unit = name[: -len(ending)], printed
            break
    title = " ".join(_WORDS.get(word, word) for word in name.split("_"))
    if title.startswith("activation") and not title.endswith("painted"):
        title += " painted"
    title = title.replace("activation", "EMG activation")
    return _capital(title), unit


def _capital(title: str) -> str:
    """Begin with a capital letter; a symbol such as μ stays what it is."""
    return title[:1].upper() + title[1:] if title[:1].isascii() else title


def _stiffness(name: str) -> tuple[str, str]:
    """Return title and unit of a stiffness layer, or of what fascicles have of it."""
    key, part = name.removeprefix(_STIFFNESS), ""
    for ending in _PARTS:
        if key not in known_maps() and key.endswith(f"_{ending}"):
            key, part = key.removesuffix(f"_{ending}"), ending.replace("_", " ")
            break
    known = known_maps().get(key)
    unit = known["unit"] if known else "Pa"
    if part == "measured fraction":
        unit = ""
    title = title_of_map(key) + (f", {part}" if part else "")
    return _capital(title), {"1": "", "deg": "°"}.get(unit, unit)


def column_title(column: str) -> tuple[str, str]:
    """Return title and unit of a column of the wide table."""
    found = measure_of_column(column)
    if found is None:
        return title_and_unit(column)
    title = title_of(found[0])
    unit = {
        "1": "",
        "percent": "%",
        "percent/cm": "%/cm",
        "deg": "°",
        "mm2/s": "mm²/s",
        "cm2": "cm²",
    }
    return _capital(title), unit.get(found[1], found[1])
