"""What a stiffness is, and its unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.elastography.stiffness import QUANTITIES, implausible, to_pascal
from imaging.errors import UnitError


@given(st.floats(0.5, 12), st.floats(900, 1100))
def test_speed_and_young_from_speed_agree(speed, density):
    """A scanner that shows c, and one that shows E = 3 rho c^2, mean the same shear stiffness."""
    from_speed, kept, _ = to_pascal(np.array([speed]), "shear_wave_speed", "m/s", density)
    young_kpa = np.array([3 * density * speed**2 / 1000])
    from_young, also, _ = to_pascal(young_kpa, "youngs_3rhoc2", "kPa", density)
    assert kept == also == "shear_stiffness"
    np.testing.assert_allclose(from_speed, from_young, rtol=1e-5)


@pytest.mark.parametrize("quantity", ["storage_modulus", "magnitude", "shear_stiffness"])
@pytest.mark.parametrize(("unit", "factor"), [("Pa", 1), ("kPa", 1e3), ("MPa", 1e6)])
def test_a_modulus_keeps_its_name(quantity, unit, factor):
    values, kept, _ = to_pascal(np.array([1.5]), quantity, unit, 1000)
    assert kept == quantity
    assert values[0] == pytest.approx(1.5 * factor)


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [("shear_wave_speed", "kPa"), ("magnitude", "m/s"), ("stiffness", "kPa"), ("magnitude", "kpa")],
)
def test_contradiction_is_refused(quantity, unit):
    with pytest.raises(UnitError):
        to_pascal(np.ones(2), quantity, unit, 1000)


def test_range_of_muscle():
    assert implausible(1.2)  # kPa taken for Pa
    assert implausible(1.2e6)
    assert not implausible(1200)
    assert len(QUANTITIES) == 5
