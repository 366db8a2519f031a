"""Every missing or contradicting item of a JSON is one clear error that names file and key."""

from pathlib import Path

import numpy as np
import pytest

from imaging.elastography.declaration import check_shape, wave_declaration
from imaging.elastography.map_declaration import map_declaration
from imaging.errors import ImageError, InputError, UnitError

WAVES = {
    "MechanicalFrequency": 60,
    "Density": 1000.0,
    "PhaseUnits": "rad",
    "EncodingDirections": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "EncodingDirectionsFrame": "world RAS+",
    "OffsetsPerPeriod": 8,
    "Drivers": 1,
}
MAP = {
    "Quantity": "shear_wave_speed",
    "Units": "m/s",
    "Frequency": 60,
    "Density": 1000,
    "Method": "LFE",
}
FILE = Path("sub-01_mre.json")


def test_all_missing_keys_are_named_at_once_with_an_example():
    with pytest.raises(UnitError) as told:
        wave_declaration({"PhaseUnits": "rad"}, FILE)
    for key in WAVES.keys() - {"PhaseUnits", "Density"}:
        assert key in told.value.what
        assert f'"{key}": ' in told.value.fix
    assert "PhaseUnits" not in told.value.what


@pytest.mark.parametrize("key", sorted(WAVES.keys() - {"Density"}))
def test_missing_key_of_waves(key):
    content = {k: v for k, v in WAVES.items() if k != key}
    with pytest.raises(InputError, match=f"sub-01_mre.json: .*{key}"):
        wave_declaration(content, FILE)


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("MechanicalFrequency", "60 Hz", UnitError),
        ("MechanicalFrequency", 0.06, UnitError),
        ("Density", 1.0, UnitError),
        ("PhaseUnits", "deg", UnitError),
        ("PhaseUnits", "scanner", UnitError),
        ("EncodingDirections", [[1, 0, 0], [0, 2, 0]], ImageError),
        ("EncodingDirections", [1, 0, 0], ImageError),
        ("EncodingDirections", [["x", 0, 0]], ImageError),
        ("EncodingDirections", [[1, 0, 0], [1, 0, 0], [0, 1, 0]], ImageError),
        ("EncodingDirections", [[1, 0, 0], [-1, 0, 0]], ImageError),
        ("EncodingDirectionsFrame", "patient", ImageError),
        ("OffsetsPerPeriod", 2, ImageError),
        ("OffsetsPerPeriod", 8.5, ImageError),
        ("Drivers", 0, ImageError),
    ],
)
def test_wrong_value_of_waves(key, value, error):
    with pytest.raises(error, match=f"sub-01_mre.json: {key}"):
        wave_declaration({**WAVES, key: value}, FILE)


@pytest.mark.parametrize(
    ("shape", "key"),
    [
        ((9, 9, 9, 2, 8), "EncodingDirections"),
        ((9, 9, 9, 3, 4), "OffsetsPerPeriod"),
        ((9, 9, 9, 3, 8, 3), "Drivers"),
    ],
)
def test_shape_against_json(shape, key):
    with pytest.raises(ImageError, match=key):
        check_shape(wave_declaration(WAVES, FILE), shape, Path("sub-01_mre.nii.gz"))


def test_image_frame_turns_with_the_image():
    declared = wave_declaration({**WAVES, "EncodingDirectionsFrame": "image"}, FILE)
    rotation = np.array([[0, -1.0, 0], [1, 0, 0], [0, 0, -1]])
    np.testing.assert_allclose(declared.world_directions(rotation), rotation.T)


@pytest.mark.parametrize("key", MAP)
def test_missing_key_of_a_map(key):
    content = {k: v for k, v in MAP.items() if k != key}
    with pytest.raises(UnitError, match=f"sub-01_mre.json: {key}"):
        map_declaration(content, FILE)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Quantity", "stiffness"),
        ("Units", "kPa"),
        ("Frequency", "n/a"),
        ("Density", 1),
        ("Method", ""),
    ],
)
def test_wrong_value_of_a_map(key, value):
    with pytest.raises(UnitError, match=r"sub-01_mre.json"):
        map_declaration({**MAP, key: value}, FILE)
