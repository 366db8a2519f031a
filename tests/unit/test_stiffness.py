"""What a stiffness is, and its unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import UnitError
from imaging.stiffness import QUANTITIES, Stiffness, implausible, joined, to_pascal


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


def stiffness(values=1000.0, quantity="shear_stiffness", **changes):
    kind = {"frequency_hz": (60.0,), "density": 1000.0, "method": "mdev"} | changes
    return Stiffness(np.atleast_1d(np.float64(values)), quantity, **kind)


@given(st.floats(100, 1e5), st.floats(0, 1.5))
def test_parts_of_a_complex_modulus_follow_from_each_other(magnitude, angle):
    modulus = magnitude * np.exp(1j * angle)
    whole = stiffness(magnitude, "magnitude")
    # A plane wave exp(-ikx) with k = omega sqrt(rho/G*) runs at c = omega / Re k.
    speed = 1 / np.real(np.sqrt(1000 / modulus))
    assert whole.to("storage_modulus", angle).values[0] == pytest.approx(modulus.real)
    assert whole.to("loss_modulus", angle).values[0] == pytest.approx(modulus.imag, abs=1e-9)
    shear = whole.to("shear_stiffness", angle)
    assert shear.values[0] == pytest.approx(1000 * speed**2)
    assert shear.to("magnitude", angle).values[0] == pytest.approx(magnitude)
    assert whole.to("shear_wave_speed", angle).unit == "m/s"
    assert whole.to("shear_wave_speed", angle).values[0] == pytest.approx(speed)


def test_speed_from_the_young_of_a_scanner():
    young = stiffness(3 * 1000 * 2.5**2, "youngs_3rhoc2")
    assert young.to("shear_wave_speed").values[0] == pytest.approx(2.5)
    assert young.to("shear_wave_speed").to("shear_stiffness").values[0] == pytest.approx(6250)


@pytest.mark.parametrize(
    ("have", "wanted", "angle"),
    [
        ("magnitude", "shear_stiffness", None),
        ("magnitude", "shear_wave_speed", None),
        ("shear_stiffness", "youngs_3rhoc2", None),
        ("shear_wave_speed", "youngs_3rhoc2", 0.1),
        ("mu_perp", "shear_stiffness", 0.1),
        ("magnitude", "e_par", 0.1),
    ],
)
def test_what_does_not_follow_is_refused(have, wanted, angle):
    with pytest.raises(UnitError, match="cannot be turned"):
        stiffness(quantity=have).to(wanted, angle)


@pytest.mark.parametrize(
    "other",
    [{"frequency_hz": (40.0,)}, {"method": "swe"}, {"quantity": "magnitude"}],
)
def test_different_kinds_are_never_joined(other):
    with pytest.raises(UnitError, match="cannot be joined"):
        joined([stiffness(), stiffness(**other)])
    assert joined([stiffness(1000), stiffness(2000)]).values.tolist() == [1000, 2000]


@pytest.mark.parametrize(
    "wrong", [{"frequency_hz": ()}, {"frequency_hz": (0.0,)}, {"density": 0.0}, {"method": " "}]
)
def test_undeclared_stiffness_is_refused(wrong):
    with pytest.raises(UnitError):
        stiffness(**wrong)
    with pytest.raises(UnitError):
        stiffness(quantity="stiffness")


def test_declared_stiffness_is_in_pascal():
    made = Stiffness.declared(
        np.array([2.0]), "shear_wave_speed", "m/s", frequency_hz=[60], density=1000, method="x"
    )
    assert (made.values[0], made.quantity, made.unit) == (4000, "shear_stiffness", "Pa")
