"""Scans of reversed phase encoding are found by what their sidecars say."""

import json

import pytest

from imaging.dataset import find_sessions


def session_with(tmp_path, series, scans, **options):
    """Write a session whose sidecars hold these keys and find its inputs."""
    root = tmp_path / "sub-01"
    files = {"anat/sub-01_T1w": None, "dwi/sub-01_dwi": series}
    files |= {f"fmap/sub-01_{name}_epi": keys for name, keys in scans.items()}
    for name, keys in files.items():
        path = root / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        if keys is not None:
            (root / f"{name}.json").write_text(json.dumps(keys), encoding="utf-8")
    (found,) = find_sessions(tmp_path, **options)
    return found, {f.input: f for f in found.findings}["fmap"]


AHEAD, BACK = {"PhaseEncodingDirection": "j"}, {"PhaseEncodingDirection": "j-"}


@pytest.mark.parametrize(
    "intended",
    ["dwi/sub-01_dwi.nii.gz", "bids::sub-01/dwi/sub-01_dwi.nii.gz", ["x", "dwi/sub-01_dwi.nii.gz"]],
)
def test_the_scan_that_names_the_series_goes_before_others(tmp_path, intended):
    scans = {"run-1": BACK, "run-2": {**BACK, "IntendedFor": intended}}
    found, _ = session_with(tmp_path, AHEAD, scans)
    assert found.fmap.name == "sub-01_run-2_epi.nii.gz"


def test_groups_of_field_maps(tmp_path):
    scans = {
        "dir-AP": {**AHEAD, "B0FieldIdentifier": "pepolar"},
        "dir-PA": {**BACK, "B0FieldIdentifier": ["pepolar", "other"]},
        "acq-heart": {**BACK, "B0FieldIdentifier": "heart"},
    }
    found, _ = session_with(tmp_path, {**AHEAD, "B0FieldSource": "pepolar"}, scans)
    assert found.fmap.name == "sub-01_dir-PA_epi.nii.gz"


def test_scans_of_the_same_direction_or_for_others_are_not_used(tmp_path):
    scans = {"dir-AP": AHEAD, "dir-PA": {**BACK, "IntendedFor": "func/sub-01_bold.nii.gz"}}
    found, finding = session_with(tmp_path, AHEAD, scans)
    assert found.fmap is None
    assert finding.state == "missing"
    assert "reversed phase encoding" in finding.message


def test_two_equal_scans_are_ambiguous_until_one_is_selected(tmp_path):
    scans = {"run-1": BACK, "run-2": BACK}
    found, finding = session_with(tmp_path, AHEAD, scans)
    assert found.fmap is None
    assert finding.state == "ambiguous"
    assert len(finding.files) == 2
    found, _ = session_with(tmp_path, AHEAD, scans, select={"fmap": "*run-2*"})
    assert found.fmap.name == "sub-01_run-2_epi.nii.gz"


def test_a_sidecar_that_cannot_be_read_is_left_to_the_check_of_images(tmp_path):
    found, _ = session_with(tmp_path, AHEAD, {"dir-PA": None})
    assert found.fmap is not None


@pytest.mark.parametrize(
    ("keys", "taken"),
    [
        ({**BACK, "IntendedFor": "mre/sub-01_part-phase_mre.nii.gz"}, True),
        ({**BACK, "IntendedFor": "bids::sub-01/mre/sub-01_part-mag_mre.nii.gz"}, True),
        ({**AHEAD, "IntendedFor": "mre/sub-01_part-phase_mre.nii.gz"}, False),
        ({**BACK, "IntendedFor": "dwi/sub-01_dwi.nii.gz"}, False),
        (BACK, False),
    ],
)
def test_wave_images_take_only_a_scan_that_names_them(tmp_path, keys, taken):
    for part in ("phase", "mag"):
        path = tmp_path / "sub-01" / "mre" / f"sub-01_part-{part}_mre.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.with_name(f"sub-01_part-{part}_mre.json").write_text(json.dumps(AHEAD))
    found, _ = session_with(tmp_path, AHEAD, {"dir-PA": keys})
    assert (found.wave_fmap is not None) == taken
    assert (found.fmap is not None) == (keys == BACK or "dwi" in str(keys))
