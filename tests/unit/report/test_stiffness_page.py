"""The stiffness section of a page."""

import base64
import io

import numpy as np
from PIL import Image as Picture

from imaging.image import Image
from imaging.measures import Measure, not_measured
from imaging.report import published_stiffness
from imaging.report.stiffness import not_measurable
from imaging.report.wave_animation import wave_animation

TA, SOL = 201, 209


def test_waves_move_stay_small_and_are_the_same_each_time():
    affine = np.diag([-2.0, 2.0, 3.0, 1.0])
    place = np.stack(np.meshgrid(*map(np.arange, (40, 36, 12)), indexing="ij"), -1)
    wave = np.exp(0.4j * place[..., :1]) * np.array([1.0, 0.5, 2.0])
    wave[place[..., 1] < 4] = 0
    waves = Image(np.concatenate([wave.real, wave.imag], -1).astype(np.float32), affine)
    labels = Image(np.where(place[..., 1] > 18, SOL, 0).astype(np.int16), affine)
    source = wave_animation(waves, labels, "um")
    assert source == wave_animation(waves, labels, "um")
    content = base64.b64decode(source.split(",")[1])
    assert len(content) < 1_000_000
    film = Picture.open(io.BytesIO(content))
    assert film.n_frames == 10
    frames = []
    for number in (0, 5):
        film.seek(number)
        frames.append(np.asarray(film.convert("RGB"), float))
    assert np.abs(frames[0] - frames[1]).mean() > 5  # half a period apart


def test_no_waves_give_no_picture():
    still = Image(np.zeros((4, 4, 4, 6), np.float32), np.eye(4))
    assert wave_animation(still, still, "um") is None
    assert wave_animation(None, still, "um") is None


def test_published_values_are_those_of_the_muscle_with_their_source():
    rows = published_stiffness.published("stiffness_ti_mu_perp", "SOL")
    assert len(rows) == 2
    assert set(rows["mean_pa"]) == {650, 1060}
    assert rows["source"].str.contains("20").all()
    assert len(published_stiffness.published("stiffness_ti_e_par", "GM+GL")) == 1
    assert published_stiffness.published("stiffness_ti_mu_perp", "POP").empty
    assert (published_stiffness.literature()["n"] > 0).all()


def test_figure_of_muscles_needs_a_stiffness():
    rows = [Measure(SOL, "stiffness_ti_mu_perp", 1000.0, "Pa", 100, 90.0)]
    assert published_stiffness.stiffness_of_muscles(rows).startswith("data:image/svg")
    assert published_stiffness.stiffness_of_muscles([Measure(SOL, "volume", 1.0, "ml")]) is None


def test_what_was_not_measurable_is_said_once_with_its_reason():
    rows = [
        *(Measure(v, "volume", 100.0, "ml") for v in (TA, SOL)),
        not_measured(TA, "stiffness_ti_e_par_muscle", "Pa", "one driver only; at 60 Hz"),
        not_measured(SOL, "stiffness_ti_e_par_muscle", "Pa", "one driver only; at 60 Hz"),
        not_measured(SOL, "stiffness_ti_mu_perp_iqr", "Pa", "no value for this muscle"),
        not_measured(214, "stiffness_ti_mu_perp", "Pa", "not in the label map"),
    ]
    assert not_measurable(rows) == [("E∥, whole muscle: right TA, right SOL", "one driver only")]
