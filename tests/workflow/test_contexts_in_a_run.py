"""A session at rest and contracted: both inverted, compared, and shown on the page."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from imaging.formats.nifti import load_image, save_image


@pytest.fixture
def two_contexts(bids, tmp_path):
    """Return the small leg without diffusion and EMG, its waves twice: once noisier."""
    root = tmp_path / "bids"
    shutil.copytree(bids, root)
    person = root / "sub-01"
    for folder in ("dwi", "emg", "us"):
        shutil.rmtree(person / folder, ignore_errors=True)
    rng = np.random.default_rng(1)
    for path in sorted((person / "mre").iterdir()):
        other = path.with_name(path.name.replace("sub-01_", "sub-01_task-contracted_"))
        if path.name.endswith("part-phase_mre.nii.gz"):
            image = load_image(path, ndim=(4, 5, 6))
            noisy = image.data + 0.02 * rng.standard_normal(image.data.shape)
            save_image(image.with_data(np.angle(np.exp(1j * noisy)).astype(np.float32)), other)
        else:
            shutil.copy(path, other)
        path.rename(path.with_name(path.name.replace("sub-01_", "sub-01_task-rest_")))
    return root


@pytest.mark.slow
def test_contexts_are_compared_and_shown(two_contexts, tmp_path, pennate):
    out = tmp_path / "out"
    done = pennate("run", two_contexts, out, "participant", "--nprocs", 2)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = out / "sub-01" / "contexts" / "mre"
    table = pd.read_csv(folder / "sub-01_contexts.tsv", sep="\t", na_values="n/a")
    pairs = table[(table["compared"] == "contexts") & (table["status"] == "measured")]
    assert set(pairs["a"]) == {"rest"} and set(pairs["b"]) == {"contracted"}
    vfm = pairs[pairs["measure"] == "stiffness_vfm_magnitude"]
    assert len(vfm) >= 4
    assert np.all(np.abs(vfm["ratio"] - 1) < 0.1)  # the same muscles
    own = json.loads((out / "sub-01" / "mre" / "sub-01_desc-vfm_stiffness.json").read_text())
    assert all("task-rest" in source["name"] for source in own["SourceFiles"]
               if "_mre." in source["name"])  # fmt: skip
    page = (out / "sub-01.html").read_text()
    assert 'id="contexts"' in page and "Contracted against rest" in page
    again = pennate("run", two_contexts, out, "participant", "--nprocs", 2)
    assert again.returncode == 0
    assert "Nothing to be done" in (out / ".pennate" / "snakemake.log").read_text()
