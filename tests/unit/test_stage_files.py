"""Files of a stage and their sidecars."""

import json

import numpy as np
import pandas as pd
import pytest

from imaging.image import Image
from imaging.measures import Measure, Notes, read_measures, read_notes
from imaging.stage_files import StageFiles

EMPTY = Image(np.zeros((2, 2, 2), np.float32), np.eye(4))


def about(path):
    return json.loads(path.read_text())


def test_words_of_the_table_stand_in_the_sidecar(tmp_path):
    source = tmp_path / "dwi.nii.gz"
    source.write_bytes(b"1")
    files = StageFiles("diffusion", tmp_path, "sub-01", [source], {"ivim": "off"})
    files.image("fa", EMPTY)
    assert (tmp_path / "sub-01_desc-wls_FA.nii.gz").is_file()
    said = about(tmp_path / "sub-01_desc-wls_FA.json")
    assert (said["Units"], said["Description"]) == ("1", "Fractional anisotropy")
    assert said["GeneratedBy"]["Command"] == "pennate diffusion"
    assert said["Settings"] == {"ivim": "off"}
    assert [s["name"] for s in said["SourceFiles"]] == ["dwi.nii.gz"]


def test_what_depends_on_the_data_fills_names_and_words(tmp_path):
    files = StageFiles("diffusion", tmp_path, "P")
    files.image("displacement", EMPTY, {"axis": "j"}, Axis="j")
    said = about(tmp_path / "P_desc-distortion_displacement.json")
    assert "voxel axis j," in said["Description"]
    inversion = StageFiles("inversion", tmp_path, "P", places={"method": "ti"})
    inversion.image("map", EMPTY, {"map": "muperp"}, Units="Pa")
    said = about(tmp_path / "P_desc-ti_muperp.json")
    assert said["Units"] == "Pa" and "Description" not in said
    assert said["GeneratedBy"]["Command"] == "pennate elastography"
    assert inversion.path("map", ".dcm", map="epar").name == "P_desc-ti_epar.dcm"


def test_tables_and_notes(tmp_path):
    files = StageFiles("function", tmp_path, "P")
    files.table("events", pd.DataFrame({"onset": [0.5, np.nan]}))
    assert (tmp_path / "P_events.tsv").read_text() == "onset\n0.5\nn/a\n"
    files.measures([Measure(201, "emg_onset", 4.0, "percent")])
    assert read_measures(tmp_path / "P_desc-function_measures.tsv")[0].value == 4.0
    files.notes(Notes("function", "Done."))
    assert read_notes(tmp_path / "P_desc-function_notes.json").method == "Done."
    assert "Units" not in about(tmp_path / "P_desc-function_measures.json")


@pytest.mark.parametrize(("key", "ending"), [("kurtosis", None), ("fa", ".mat")])
def test_a_file_that_the_table_does_not_name_cannot_be_written(tmp_path, key, ending):
    with pytest.raises(KeyError):
        StageFiles("diffusion", tmp_path, "P").path(key, ending)
