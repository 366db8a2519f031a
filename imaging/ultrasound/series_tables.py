"""Tables of a series of frames: every figure, and the lines through them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.muscles import side_and_key
from imaging.ultrasound.samples import FramePlane
from imaging.ultrasound.series import FrameFigure, Line, line, moved_mm

#: Columns of the table of frames, and what each is.
FRAME_COLUMNS = {
    "series": "Name of the recording: that of the file, or of single frames that differ by run-",
    "file": "File of the frame",
    "frame": "Number of the frame in its file, from 0",
    "time_s": "Since the first frame; n/a where the file tells no time",
    "angle_deg": "Angle of the joint, from the table beside the file",
    "label": "100 times side (1 left, 2 right) plus index in the catalogue; 0: the whole box",
    "muscle": "Side and key of the muscle",
    "median_pa": "Median of rho c^2 in Pa, not corrected for the fibre's angle",
    "q1_pa": "Lower quartile, Pa",
    "q3_pa": "Upper quartile, Pa",
    "n": "Samples",
    "saturated": "Share of the pixels read that lie at an end of the colour scale",
    "void": "Share of the pixels without colour",
    "status": "measured; extrapolated: the median is only a bound; not_measured",
    "note": "Why",
}
#: Columns of the table of lines.
LINE_COLUMNS = {
    "series": FRAME_COLUMNS["series"],
    "label": FRAME_COLUMNS["label"],
    "muscle": FRAME_COLUMNS["muscle"],
    "against": "What the line runs over: angle_deg or time_s",
    "slope": "Change of the median of rho c^2",
    "unit": "Of the slope and its interval",
    "ci_low": "95 % interval",
    "ci_high": "95 % interval",
    "n": "Frames",
    "n_independent": "Independent frames they count for: neighbours are alike",
    "status": "measured or not_measured",
    "note": "Why, or what it rests on",
}


@dataclass(frozen=True)
class FrameFacts:
    """What is known of the frames used, one entry per frame.

    Attributes
    ----------
    files : sequence of str
        Name of the file of every frame.
    number : sequence of int
        In its file.
    several : sequence of bool
        Whether that file holds more than one frame.
    time_s, angle_deg : (F,) arrays
        nan where not known.
    planes, middle
        Place of the frame, and the pixel in the middle of its colour box.
    """

    files: Sequence[str]
    number: Sequence[int]
    several: Sequence[bool]
    time_s: FloatArray
    angle_deg: FloatArray
    planes: Sequence[FramePlane]
    middle: Sequence[tuple[float, float]]

    def series(self, frame: int) -> str:
        """Return the name of the recording that a frame is part of."""
        name = self.files[frame].split(".")[0]
        return name if self.several[frame] else re.sub(r"_run-[A-Za-z0-9]+", "", name)


def frame_table(figures: Sequence[FrameFigure], facts: FrameFacts) -> pd.DataFrame:
    """Return one row per frame and region that its colour box crosses."""
    rows = []
    for one in figures:
        found, k = one.figure, one.frame
        rows.append([
            facts.series(k), facts.files[k], facts.number[k], facts.time_s[k], facts.angle_deg[k],
            one.label, side_and_key(one.label) if one.label else "all", found.value, found.low,
            found.high, found.n, one.saturated, one.void, found.status, found.note,
        ])  # fmt: skip
    table = pd.DataFrame(rows, columns=list(FRAME_COLUMNS))
    floats = ["time_s", "angle_deg", "median_pa", "q1_pa", "q3_pa", "saturated", "void"]
    return table.astype(dict.fromkeys(floats, float))


def line_table(figures: Sequence[FrameFigure], facts: FrameFacts) -> pd.DataFrame:
    """Return one line per recording of several frames and region: over the angle, else the time."""
    groups: dict[tuple[str, int], list[FrameFigure]] = {}
    for one in figures:
        groups.setdefault((facts.series(one.frame), one.label), []).append(one)
    rows = []
    for (name, label), own in groups.items():
        at = np.array([one.frame for one in own])
        if len(own) < 2 or all(one.figure.value is None for one in own):
            continue
        against = "angle_deg" if np.isfinite(facts.angle_deg[at]).any() else "time_s"
        x = getattr(facts, against)[at]
        if not np.isfinite(x).any():
            continue
        moved = moved_mm([facts.planes[k] for k in at], [facts.middle[k] for k in at])
        order = np.argsort(facts.time_s[at], kind="stable")
        found: Line = line(x[order], [own[k].figure for k in order], moved)
        rows.append([
            name, label, side_and_key(label) if label else "all", against, found.slope,
            "Pa/deg" if against == "angle_deg" else "Pa/s", found.low, found.high, found.n,
            found.independent, found.status, found.note,
        ])  # fmt: skip
    table = pd.DataFrame(rows, columns=list(LINE_COLUMNS))
    floats = ["slope", "ci_low", "ci_high", "n_independent"]
    return table.astype(dict.fromkeys(floats, float))
