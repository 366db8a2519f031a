"""Channels find their muscle and side, or are reported."""

import pytest

from imaging.errors import ConfigError, RecordingError
from imaging.function.channels import aliases, map_channels, parse_muscle
from imaging.muscles import is_known, label_of, recorded_muscle, recorded_of, side_of


@pytest.mark.parametrize(
    ("name", "key", "side"),
    [
        ("R_TA", "TA", "right"),
        ("L TIB", "TA", "left"),
        ("TA Gauche", "TA", "left"),
        ("TA droit", "TA", "right"),
        ("Jum. D. droit", None, None),
        ("JUM gauche", "GM+GL", "left"),
        ("LGM", "GM", "left"),
        ("RLG", "GL", "right"),
        ("LGL", "GL", "left"),
        ("LPL", "PL", "left"),
        ("SOLr", "SOL", "right"),
        ("soleus_l", "SOL", "left"),
        ("Right Tibialis Anterior", "TA", "right"),
        ("L_PE", "PL+PB", "left"),
        ("EMG R_GASMED", "GM", "right"),
        ("LeftSoleus", "SOL", "left"),
        ("R. Soléaire", "SOL", "right"),
    ],
)
def test_names_met_in_the_field(name, key, side):
    found = map_channels([name])
    if key is None:
        assert name in found.unmapped
    else:
        assert found.labels == {name: label_of(key, side)}


@pytest.mark.parametrize("name", ["EMG 1", "Pin 3", "TA", "GL", "Force.Fx1", "", "LR_TA_L_R"])
def test_what_is_not_clear_is_not_guessed(name):
    found = map_channels([name])
    assert not found.labels
    assert name in found.unmapped


def test_muscles_of_hip_and_thigh_have_labels_and_are_not_imaged():
    found = map_channels(["R_RF", "L_ST", "R_VL", "L GMED"]).labels
    assert [recorded_of(v).key for v in found.values()] == ["RF", "ST", "VL", "GMED"]
    assert [side_of(v) for v in found.values()] == ["right", "left", "right", "left"]
    assert not any(is_known(v) for v in found.values())


def test_a_recording_of_one_leg_gets_its_side_from_the_user():
    assert map_channels(["TA", "R_SOL"], side="left").labels == {
        "TA": label_of("TA", "left"),
        "R_SOL": label_of("SOL", "right"),
    }


def test_explicit_mapping_wins():
    found = map_channels(["EMG 1", "R_TA"], explicit={"EMG 1": "left SOL", "R_TA": "R PL+PB"})
    assert found.labels == {"EMG 1": label_of("SOL", "left"), "R_TA": label_of("PL+PB", "right")}


def test_explicit_mapping_may_name_channels_of_other_recordings():
    found = map_channels(["EMG 1"], explicit={"EMG 1": "right TA", "EMG 9": "right SOL"})
    assert found.labels == {"EMG 1": label_of("TA", "right")}


@pytest.mark.parametrize(
    "text", ["TA", "right", "right XX", "left right TA", "right tibia", "gluteus medius", ""]
)
def test_explicit_mapping_must_name_side_and_muscle(text):
    with pytest.raises(ConfigError):
        parse_muscle(text)


def test_explicit_mapping_takes_names_and_the_side_of_the_recording():
    assert parse_muscle("right gluteus medius") == label_of("GMED", "right")
    assert parse_muscle("left tensor fasciae latae") == label_of("TFL", "left")
    found = map_channels(["ME", "TA"], explicit={"ME": "gluteus medius"}, side="right").labels
    assert found == {"ME": label_of("GMED", "right"), "TA": label_of("TA", "right")}
    assert parse_muscle("left TA", "right") == label_of("TA", "left")


def test_what_is_left_out_says_what_to_do():
    left_out = map_channels(["TA", "RF", "ME"]).unmapped
    assert left_out["TA"] == left_out["RF"]
    assert "setting side" in left_out["TA"]
    assert "setting channels" in left_out["ME"]


def test_two_channels_of_one_muscle_are_an_error():
    with pytest.raises(RecordingError, match="same muscle"):
        map_channels(["R_TA", "TA right"])


def test_a_name_used_twice_is_reported():
    found = map_channels(["R_TA", "R_TA", "R_SOL"])
    assert "not unique" in found.unmapped["R_TA"]
    assert list(found.labels) == ["R_SOL"]


def test_target_muscle_names_the_muscle_and_the_name_the_side():
    targets = {"L1": "left soleus", "R_x": "tibialis anterior", "n": "n/a"}
    found = map_channels(["L1", "R_x", "n"], targets)
    assert found.labels == {"L1": label_of("SOL", "left"), "R_x": label_of("TA", "right")}
    assert "n" in found.unmapped


def test_target_muscle_against_the_name_is_an_error():
    with pytest.raises(RecordingError, match="target muscle"):
        map_channels(["L_TA"], {"L_TA": "right tibialis anterior"})


FORMS = ("{0}{1}", "{0}_{1}", "{0} {1}", "{1}{0}", "{1}_{0}")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", [str.upper, str.lower, str.capitalize])
def test_left_and_right_are_treated_alike(case, form):
    for alias, key in aliases().items():
        left, right = (case(form.format(letter, alias)) for letter in "lr")
        found = map_channels([left, right])
        assert found.labels == {left: label_of(key, "left"), right: label_of(key, "right")}


def test_lgas_is_read_as_its_recording_writes_the_side():
    assert map_channels(["LGAS", "LTA", "LSOL"]).labels["LGAS"] == label_of("GM+GL", "left")
    assert map_channels(["LGAS", "RGAS"]).labels["RGAS"] == label_of("GM+GL", "right")
    for names in (["LGAS"], ["LGAS", "MGAS"], ["LGAS", "L_TA"], ["LGAS", "MGAS", "LTA"]):
        assert "more than one way" in map_channels(names).unmapped["LGAS"], names


def test_alias_table_uses_the_catalogue():
    for alias, key in aliases().items():
        assert alias == alias.lower()
        assert recorded_muscle(key)
