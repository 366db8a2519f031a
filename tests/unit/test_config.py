import json
from pathlib import Path

import pytest
import yaml

from imaging.config import (
    FibreSettings,
    Settings,
    default_yaml,
    load_settings,
    parse_settings,
    schema,
    settings_file,
)
from imaging.errors import ConfigError

ROOT = Path(__file__).parents[2]


def test_default_file_holds_every_setting_with_its_default():
    content = yaml.safe_load((ROOT / "config" / "default.yaml").read_text())
    defaults = Settings(bids_dir=content["bids_dir"], out_dir=content["out_dir"])
    assert content == defaults.model_dump(mode="json")
    assert (ROOT / "config" / "default.yaml").read_text() == default_yaml(), "run `make schema`"


def test_exported_schema_agrees_with_the_models():
    path = ROOT / "workflow" / "schemas" / "config.schema.json"
    assert json.loads(path.read_text()) == schema(), "run `make schema`"


def test_settings_from_nothing_text_and_file(tmp_path):
    path = tmp_path / "fibres.yaml"
    path.write_text("step_mm: 0.25\n")
    assert load_settings(FibreSettings, None) == FibreSettings()
    assert load_settings(FibreSettings, '{"step_mm": 0.25}').step_mm == 0.25
    assert load_settings(FibreSettings, str(path)).step_mm == 0.25


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"stepp_mm": 1}', "stepp_mm"),
        ('{"step_mm": -1}', "step_mm"),
        ('{"step_mm": "thick"}', "step_mm"),
        ("[1, 2]", "not a table"),
        ("absent.yaml", "not a table"),
        ("{unclosed", "cannot be read"),
    ],
)
def test_a_wrong_setting_is_named(text, said):
    with pytest.raises(ConfigError, match=said):
        load_settings(FibreSettings, text)


def test_settings_of_the_whole_workflow_are_told_from_those_of_a_stage():
    with pytest.raises(ConfigError, match=r"whole workflow.*without 'fibres:'"):
        load_settings(FibreSettings, "{fibres: {step_mm: 0.5}}")
    with pytest.raises(ConfigError, match="no such setting"):
        load_settings(FibreSettings, "{stepmm: 0.5}")


def test_the_first_wrong_setting_of_a_config_is_named():
    with pytest.raises(ConfigError, match=r"fibres\.step_mm"):
        parse_settings(Settings, {"bids_dir": "a", "out_dir": "b", "fibres": {"step_mm": 0}}, "x")


def test_files_are_read_alike_for_a_stage_and_for_the_workflow(tmp_path):
    path = tmp_path / "{A} b.yaml"
    path.write_bytes(b"\xef\xbb\xbfstep_mm: 0.25\n")  # a byte order mark, from Windows
    assert load_settings(FibreSettings, str(path)).step_mm == 0.25
    assert settings_file(path) == {"step_mm": 0.25}
    path.write_text("# nothing chosen\n")
    assert load_settings(FibreSettings, str(path)) == FibreSettings()
    assert settings_file(path) == {}
    for wrong in (b"\xff\xfe", b"[1]", b"{unclosed", b"[" * 5000, b"a: 2024-13-45"):
        path.write_bytes(wrong)
        for read in (lambda: settings_file(path), lambda: load_settings(FibreSettings, str(path))):
            with pytest.raises(ConfigError) as error:
                read()
            assert str(path) in str(error.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        settings_file(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match="not a table"):
        load_settings(FibreSettings, "x" * 5000)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fibres": {"stepp_mm": 1}}, "fibres.stepp_mm: there is no such setting. "
         "Is fibres.step_mm meant?"),
        ({"fibers": {}}, "fibers: there is no such setting. Is fibres meant?"),
        ({"step_mm": 3}, "Is fibres.step_mm meant?"),
        ({"qqq": 3}, "See config/default.yaml for those there are"),
        ({"fibres": 3}, "fibres: must be a table of settings, not 3"),
        ({"export": None}, "export: must be a table of settings, not empty"),
        ({"fibres": {"step_mm": "x"}}, "fibres.step_mm: must be a number, not 'x'"),
        ({"fibres": {"step_mm": -1}}, "must be above 0.0, not -1"),
        ({"fibres": {"step_mm": float("inf")}}, "must be a finite number, not inf"),
        ({"fibres": {"bootstrap": 1.5}}, "must be a whole number, not 1.5"),
        ({"participants": [1]}, "must be text (in quotes, where it looks like a number), not 1"),
        ({"participants": "01"}, "must be a list, not '01'"),
        ({"segmentation": {"method": "atlass"}}, "not 'atlass'. Is atlas meant?"),
        ({"function": {"band_hz": [1, 2, 3]}}, "must hold at most 2 values, not 3"),
        ({"diffusion": {"denoise": "maybe"}}, "must be true or false, not 'maybe'"),
        ({1: 2}, "a setting must have a name, not a number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_our_words(given, said):
    with pytest.raises(ConfigError) as error:
        parse_settings(Settings, {"bids_dir": "a", "out_dir": "b", **given}, "mine.yaml")
    assert said in str(error.value)
    assert str(error.value).startswith("mine.yaml: ")
    assert "pydantic" not in str(error.value) and "\n" not in str(error.value)
