import numpy as np
import pytest

from imaging.architecture.direction import fit_directions
from imaging.architecture.dropped import Dropped, dropped_warning, noted
from imaging.measures import Measure, not_measured


@pytest.mark.parametrize(
    ("kept", "told", "missing"), [(95, False, False), (80, True, False), (40, True, True)]
)
def test_many_points_without_a_fascicle_are_told_and_more_leave_nothing_measured(
    kept, told, missing
):
    dropped = Dropped(100, kept, {"turned too sharply": 100 - kept, "too long": 0})
    assert bool(dropped.text()) == told
    assert bool(dropped.why_not()) == missing
    warning = dropped_warning("left TA", dropped.facts())
    assert bool(warning) == told
    assert ("not measured" in warning) == missing
    assert "too long" not in warning


def test_only_figures_with_a_value_get_a_note():
    rows = [Measure(101, "fascicle_length", 60.0, "mm"), not_measured(101, "curvature", "1/m", "x")]
    assert [r.note for r in noted(rows, "few")] == ["few", "x"]
    assert noted(rows, "") == rows


@pytest.mark.parametrize("shared", [False, True])
def test_noise_that_voxels_share_does_not_ask_for_less_smoothing(shared):
    # A straight field: the wider the kernel the better, whatever the noise.
    rng = np.random.default_rng(4)
    shape = (22, 22, 14)
    noise = rng.standard_normal((*shape, 6))
    if shared:
        noise = (noise + 0.8 * np.roll(noise, 1, 0)) / np.hypot(1, 0.8)
    tensor = np.array([1.3, 0, 1.3, 0, 0, 1.9]) + 0.15 * noise
    field = fit_directions(tensor, np.ones((1, *shape)), np.array([3.0, 3.0, 6.0]))
    assert field.kernel.sigma_mm >= 7.0
