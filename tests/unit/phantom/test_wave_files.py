"""Files of the digital leg's waves."""

import json

import numpy as np

from imaging.formats.nifti import load_image
from imaging.measures import read_measures
from imaging.phantom import mre_files
from imaging.phantom.leg import make_leg


def test_counts_are_radians_again_when_read(tmp_path):
    rng = np.random.default_rng(1)
    phase = rng.uniform(-np.pi, np.pi, (6, 5, 4, 3)).astype(np.float32)
    step = np.pi / 2048
    mre_files._save_counts(phase, np.diag([2, 2, 3, 1.0]), step, tmp_path / "a.nii.gz")
    mre_files._save_counts(phase, np.diag([2, 2, 3, 1.0]), step, tmp_path / "b.nii.gz")
    read = load_image(tmp_path / "a.nii.gz", ndim=4)
    np.testing.assert_allclose(read.data, phase, atol=0.51 * step)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_every_frequency_has_its_file_and_the_truth_says_the_three_moduli(tmp_path):
    leg = make_leg(3, "right", 1.0)
    mre_files.write_mre(
        leg, tmp_path, tmp_path, subject="01", preset="small", drivers=2, anisotropic=True,
        frequencies_hz=(30.0, 40.0),
    )  # fmt: skip
    for hertz in (30, 40):
        path = tmp_path / "mre" / f"sub-01_acq-{hertz}Hz_part-phase_mre.nii.gz"
        phase = load_image(path, ndim=6).data
        assert phase.shape[3:] == (3, 8, 2)
        assert np.pi * 0.9 < np.abs(phase).max() <= np.pi + 1e-3
        about = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
        assert (about["MechanicalFrequency"], about["Drivers"]) == (hertz, 2)
    rows = read_measures(tmp_path / "sub-01_desc-truthmre_measures.tsv")
    sol = {m.measure: m.value for m in rows if m.label == 209}
    assert set(sol) == {"stiffness_mu_perp", "stiffness_mu_par", "stiffness_e_par"}
    assert sol["stiffness_mu_par"] > sol["stiffness_mu_perp"]
