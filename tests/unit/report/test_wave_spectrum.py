"""The picture of the spectrum of waves, from the facts that the stage notes."""

import base64

import numpy as np

from imaging.elastography.helmholtz import HelmholtzSums
from imaging.elastography.waves import WaveImages, harmonic_field
from imaging.report.wave_spectrum import wave_spectrum


def facts():
    x = np.arange(24)[:, None, None, None, None, None] * 0.7
    n = np.arange(8)[:, None]
    phase = np.broadcast_to(np.cos(x - 2 * np.pi * n / 8), (24, 20, 10, 3, 8, 1))
    phase = phase + 0.05 * np.random.default_rng(1).standard_normal(phase.shape)
    images = WaveImages(
        phase.astype(np.float32), np.ones((24, 20, 10), np.float32),
        np.diag([2.0, 2, 2, 1]), np.eye(3), 60.0, 1000.0,
    )  # fmt: skip
    return HelmholtzSums([harmonic_field(images)], np.ones((24, 20, 10), bool)).facts["spectrum"]


def test_facts_of_a_spectrum_become_a_picture():
    found = facts()
    assert found[0]["frequency_hz"] == 60
    assert max(found[0]["power_db"]) == 0
    # .7 rad per 2 mm: 56 waves per metre.
    assert abs(found[0]["wave_number_per_m"][int(np.argmax(found[0]["power_db"]))] - 56) < 20
    picture = wave_spectrum(found)
    assert picture == wave_spectrum(found)
    assert b"<svg" in base64.b64decode(picture.split(",", 1)[1])
