"""Stiffness of each muscle beside what was published of other people."""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from imaging.measures import Measure
from imaging.musclemap.table import title_of
from imaging.muscles import side_and_key, side_of, single_keys, structure_of
from imaging.report.picture import svg

# Panels in their order, and how many stand side by side.
_PANELS = (
    "stiffness_ti_mu_perp", "stiffness_ti_mu_par", "stiffness_ti_e_par",
    "stiffness_mdev_magnitude", "stiffness_curl_storage", "stiffness_kmdev_shear",
    "stiffness_vfm_magnitude", "stiffness_swe_shear",
)  # fmt: skip
_ACROSS = 4
_SOURCES = ("#EE7733", "#009988", "#AA3377", "#888888")
# Figures that say how sure a value is, beside those that are one.
_BESIDE = ("_iqr", "_stable_share", "_coverage", "_gradient", "_gradient_relative",
           "_confidence", "_condition", "_lossangle", "_spread")  # fmt: skip
_OWN, _FITTED = "#222222", "#0077BB"
_LEFT, _RIGHT = "<", ">"


@cache
def literature() -> pd.DataFrame:
    """Return published means: source, muscle, measure, mean_pa, sd_pa, n, frequency, quantity."""
    with resources.as_file(resources.files("imaging") / "data") as folder:
        return pd.read_csv(folder / "stiffness_literature.tsv", sep="\t")


def published(measure: str, key: str) -> pd.DataFrame:
    """Return the published rows of a measure for a muscle, or for the first of a group."""
    rows = literature()
    rows = rows[rows["measure"] == measure]
    own = rows[rows["muscle"].isin(single_keys(key))]
    return own.drop_duplicates("source")


def stiffness_of_muscles(measures: list[Measure]) -> str | None:
    """Draw every modulus of every muscle, with spread or interval, and published ranges.

    Returns
    -------
    str or None
        Data address of an SVG; None without any stiffness of a muscle.
    """
    found = {(m.label, m.measure): m for m in measures if m.label > 0 and m.value is not None}
    names = _panels(found)
    labels = sorted({label for label, name in found if name in names})
    if not labels:
        return None
    down = -(-len(names) // _ACROSS)
    across = min(_ACROSS, len(names))
    height = 0.25 * len(labels) + 0.85
    figure = Figure(figsize=(max(2.5 * across, 4.5), height * down + 0.5), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
    colours = dict(zip(dict.fromkeys(literature()["source"]), _SOURCES, strict=False))
    used: set[str] = set()
    for axes, name in zip(panels, names, strict=False):
        used |= _panel(axes, name, labels, found, colours)
    for axes in panels[len(names) :]:
        axes.axis("off")
    panels[0].set_ylim(len(labels) - 0.4, -0.6)
    figure.supxlabel("kPa", fontsize=8)
    _legend(figure, {source: c for source, c in colours.items() if source in used})
    return svg(figure)


def _panels(found: dict[tuple[int, str], Measure]) -> list[str]:
    measured = {name for _, name in found}
    ready = [n for n in sorted(measured) if n.startswith("stiffness_ready_") and is_value(n)]
    return [n for n in (*_PANELS, *ready) if {n, f"{n}_muscle"} & measured]


def is_value(measure: str) -> bool:
    """Whether a stiffness measure is a modulus of a muscle, and no figure about one."""
    return measure.startswith("stiffness_") and not (
        measure.endswith(_BESIDE) or "correlation" in measure
    )


def _panel(
    axes: Axes,
    name: str,
    labels: list[int],
    found: dict[tuple[int, str], Measure],
    colours: dict[str, str],
) -> set[str]:
    """Draw one modulus, one line per muscle, and return the sources shown."""
    used = set()
    for row, label in enumerate(labels):
        rows = published(name, structure_of(label).key)
        shifts = np.linspace(-0.25, 0.25, max(len(rows), 2))
        for shift, entry in zip(shifts, rows.to_dict("records"), strict=False):
            mean, sd = float(entry["mean_pa"]) / 1e3, float(entry["sd_pa"]) / 1e3
            colour = colours[str(entry["source"])]
            axes.plot([mean - sd, mean + sd], [row + shift] * 2, color=colour, lw=4, alpha=0.55,
                      solid_capstyle="butt")  # fmt: skip
            axes.plot([mean], [row + shift], "|", color=colour, ms=7, mew=1.5)
            used.add(str(entry["source"]))
        marker = _LEFT if side_of(label) == "left" else _RIGHT
        voxels, fitted = found.get((label, name)), found.get((label, f"{name}_muscle"))
        if voxels is not None and voxels.value is not None:
            spread = [[(voxels.sd or 0.0) / 1e3]] * 2
            axes.errorbar([voxels.value / 1e3], [row], xerr=spread, fmt=marker, color=_OWN, ms=4,
                          lw=1)  # fmt: skip
        if fitted is not None and fitted.value is not None:
            low = fitted.value if fitted.ci_low is None else fitted.ci_low
            high = fitted.value if fitted.ci_high is None else fitted.ci_high
            axes.plot([low / 1e3, high / 1e3], [row + 0.2] * 2, color=_FITTED, lw=1.2)
            axes.plot([fitted.value / 1e3], [row + 0.2], "D", color=_FITTED, ms=3.5)
    title = title_of(name).removeprefix("stiffness ").removesuffix(", voxels")
    axes.set_title(title, fontsize=8, loc="left")
    names = [side_and_key(v) for v in labels]
    axes.set_yticks(range(len(labels)), names, fontsize=7)
    axes.set_xlim(left=0)
    axes.tick_params(axis="x", labelsize=7)
    axes.grid(axis="y", color="#EEEEEE", lw=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return used


def _legend(figure: Figure, colours: dict[str, str]) -> None:
    handles = [
        Line2D([], [], color=_OWN, marker=">", ms=4, lw=1, label="this leg: median of voxels ± SD"),
        Line2D([], [], color=_FITTED, marker="D", ms=3.5, lw=1.2,
               label="this leg: whole muscle, 95 % interval"),
    ]  # fmt: skip
    rows = literature().drop_duplicates("source").set_index("source")
    for source, colour in colours.items():
        about = rows.loc[source]
        text = f"{source}, n = {about['n']}: mean ± SD of other people, {about['position']}"
        handles.append(Line2D([], [], color=colour, lw=4, alpha=0.55, label=text))
    figure.legend(handles=handles, fontsize=7, frameon=False, loc="outside upper left", ncols=2)
