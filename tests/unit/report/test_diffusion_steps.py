import copy
import dataclasses

import numpy as np
import pytest

from imaging.image import Image
from imaging.measures import Notes
from imaging.musclemap.read.muscle_map import MuscleMap
from imaging.musclemap.read.notes import MapNotes
from imaging.report.diffusion_steps import diffusion_steps

FACTS = {
    "motion": [[0.0] * 6, [1.5, 0, 0, 0, 0, 2.0], [0.0] * 6],
    "motion_displacement_mm": [0.0, 1.5, 0.0],
    "motion_corrected_volumes": [1],
    "eddy_slopes": [[0.0] * 3, [0.0, 0.012, 0.0], [0.0] * 3],
    "outlier_slices": [[2, 3, -8.1]],
    "outlier_z": [[0.0, 0.1, 0.0, 0.1], [0.0, -0.4, 0.3, 0.2], [0.0, 0.4, 0.1, -8.1]],
    "gradient_check": "ok",
    "gradient_check_detail": {"best": "x y z", "regions": 14},
    "distortion": "fmap",
    "distortion_status": "corrected",
    "distortion_median_mm": 1.2,
    "distortion_max_mm": 5.5,
    "distortion_agreement": [0.62, 0.91],
    "anatomy_alignment": "registered",
    "anatomy_shift_mm": 2.04,
    "anatomy_rotation_deg": 0.61,
    "snr_b0": 24.0,
}


def content(facts=None, settings=None, layers=("snr", "b0", "b0_before")) -> MuscleMap:
    data = np.zeros((12, 14, 6), np.int16)
    data[2:10, 2:12, 1:5] = 201
    arrays = {"label": data, "anatomy": np.ones(data.shape)} | dict.fromkeys(layers, data * 1.0)
    stage = Notes(
        "diffusion",
        "Noise went. Gibbs ringing was removed by sub-voxel shifts. More.",
        facts=FACTS if facts is None else facts,
    )
    made = {"sub-01_desc-b0_dwiref.nii.gz": {"Settings": settings or {}}}
    return MuscleMap(
        "sub-01",
        {name: Image(values, np.eye(4)) for name, values in arrays.items()},
        notes=MapNotes([stage], provenance=made),
    )


def verdicts(*arguments, **more) -> dict[str, str]:
    return {s.name: s.verdict for s in diffusion_steps(content(*arguments, **more))}


def test_every_step_says_what_it_found_and_shows_it():
    steps = {s.name: s for s in diffusion_steps(content())}
    assert "SNR in the legs 24" in steps["Noise"].verdict
    assert steps["Slices that lost signal"].verdict.startswith("1 of 9 slices")
    assert "1 of 3 volumes" in steps["Motion"].verdict
    assert "at most 1.50 mm and 2.00°" in steps["Motion"].verdict
    assert "at most 1.2 %" in steps["Eddy currents"].verdict
    assert "median 1.20 mm, at most 5.50 mm" in steps["Distortion"].verdict
    assert "62 % before and 91 % after" in steps["Distortion"].verdict
    assert "Moved by 2.04 mm and 0.610°" in steps["Diffusion on anatomy"].verdict
    assert "14 muscles" in steps["Gradient table"].verdict
    drawn = {name for name, s in steps.items() if s.picture}
    assert drawn == set(steps) - {"Distortion", "Gibbs ringing", "Gradient table"}
    assert steps["Gibbs ringing"].verdict == "Gibbs ringing was removed by sub-voxel shifts."
    assert all(s.picture.source for s in steps.values() if s.picture)


@pytest.mark.parametrize(
    ("setting", "step", "facts"),
    [
        ("denoise", "Noise", ["snr_b0"]),
        ("outliers", "Slices that lost signal", ["outlier_z", "outlier_slices"]),
        ("motion", "Motion", ["motion", "eddy_slopes"]),
        ("motion", "Eddy currents", ["motion", "eddy_slopes"]),
        ("eddy", "Eddy currents", ["eddy_slopes"]),
        ("register_to_anatomy", "Diffusion on anatomy", ["anatomy_alignment"]),
    ],
)
def test_a_step_that_was_off_says_so(setting, step, facts):
    left = {k: v for k, v in FACTS.items() if k not in facts}
    found = next(s for s in diffusion_steps(content(left, {setting: False})) if s.name == step)
    assert f"{setting} is off" in found.verdict
    if step != "Diffusion on anatomy":  # its picture is the check that nothing had to be done
        assert found.picture is None


def test_distortion_that_was_not_corrected_says_why():
    facts = copy.deepcopy(FACTS)
    facts["distortion_status"] = "refused"
    assert "implausible" in verdicts(facts)["Distortion"]
    facts["distortion_status"] = "kept"
    assert "nothing was changed" in verdicts(facts)["Distortion"]
    facts["distortion"] = "none"
    assert "distortion is off" in verdicts(facts, {"distortion": "off"})["Distortion"]
    assert "no scan of reversed phase" in verdicts(facts, {"distortion": "auto"})["Distortion"]


def test_an_impossible_step_says_why():
    facts = {k: v for k, v in FACTS.items() if k != "eddy_slopes"}
    assert "PhaseEncodingDirection" in verdicts(facts, {"eddy": True})["Eddy currents"]
    facts = FACTS | {"eddy_slopes": [[0.0] * 3] * 3}
    assert "left alone" in verdicts(facts)["Eddy currents"]
    assert "noise is not known" in verdicts(layers=("b0",))["Noise"]


@pytest.mark.parametrize(
    ("status", "said"),
    [("undecided", "-y x z (voxel axes) fits best"), ("corrected", "-y x z (voxel axes) explains"),
     ("not_checked", "gradient_check is off")],
)  # fmt: skip
def test_the_verdict_on_the_gradient_table_is_in_words(status, said):
    facts = FACTS | {"gradient_check": status, "gradient_check_detail": {"best": "-y x z"}}
    assert said in verdicts(facts)["Gradient table"]


def test_notes_of_an_older_version_still_make_a_page():
    found = verdicts({"gradient_check": "ok"}, layers=())
    assert len(found) == 8
    assert "not told in the notes" in found["Motion"]


def test_without_diffusion_there_are_no_steps():
    assert diffusion_steps(dataclasses.replace(content(), notes=MapNotes())) == []
