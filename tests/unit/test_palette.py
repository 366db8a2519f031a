"""One colour per structure, told apart by readers with any common colour vision."""

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from imaging.muscles import catalogue, label_of, muscle_keys, recordable
from imaging.palette import GREY, muscle_colour, muscle_hex

# Muscles that touch each other in a leg, or nearly do.
NEIGHBOURS = [
    "TA-EDL", "TA-EHL", "TA-TP", "EDL-EHL", "EDL-PT", "EDL-PL", "EDL-PB", "EDL-TP", "EHL-TP",
    "PL-PB", "PL-SOL", "PL-GL", "PB-FHL", "PB-SOL", "TP-FDL", "TP-FHL", "TP-SOL", "FDL-SOL",
    "FDL-FHL", "FHL-SOL", "GM-GL", "GM-SOL", "GL-SOL", "PLA-GL", "PLA-SOL", "POP-GM", "POP-GL",
    "POP-SOL", "POP-TP", "POP-PLA",
]  # fmt: skip
# Linear RGB as seen, after Machado, Oliveira and Fernandes 2009 (severity 1).
VISION = {
    "normal": np.eye(3),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
}  # fmt: skip


def seen(key: str, vision: str) -> np.ndarray:
    colour = np.array(muscle_colour(label_of(key, "left"))) / 255
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    linear = np.clip(VISION[vision] @ linear, 0, 1)
    back = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return rgb2lab(back)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("pair", NEIGHBOURS)
def test_neighbours_are_told_apart(pair, vision):
    one, other = (seen(key, vision) for key in pair.split("-"))
    assert deltaE_ciede2000(one, other) > 9  # 2.3 is just noticeable side by side


def test_every_structure_has_a_colour_and_every_muscle_its_own():
    known = {s.key for s in (*catalogue(), *recordable())} - {"SAT", "SKIN"}
    assert all(muscle_colour(label_of(key, "left")) != GREY for key in known)
    assert len({muscle_hex(label_of(key, "left")) for key in muscle_keys()}) == 14


def test_both_sides_share_a_colour():
    assert muscle_colour(label_of("SOL", "left")) == muscle_colour(label_of("SOL", "right"))
    assert muscle_hex(label_of("SOL", "left")) == "#CC3311"
