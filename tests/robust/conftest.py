"""Small inputs of every kind of verb, and calls of it in a process of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from results_of_runs import QUICK, SMALL, ended

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "integration")]


@pytest.fixture(scope="session")
def verbs(tmp_path_factory):
    """Return the arguments of a small call of every verb, without ``--out``; some have two."""
    from stage_outputs import P, map_arguments, write_all
    from synthetic_map import write_map

    from imaging.formats.nifti import save_image
    from imaging.image import Image
    from imaging.phantom.emg_session import write_walking

    home = tmp_path_factory.mktemp("inputs")
    stages = write_all(home / "stages")
    made = write_map(home / "map", load=True)
    write_walking(home / P, home / "truth", subject="01", session=None, seed=7, preset="small")
    labels = np.zeros((12, 12, 6), np.int16)
    labels[3:9, 3:9, 1:5] = 209
    rng = np.random.default_rng(0)
    images = {"labels": labels}
    for n, scale in (("water", 100), ("fat", 10)):
        images[n] = (scale + rng.normal(0, 1, labels.shape)).astype(np.float32)
    for name, data in images.items():
        save_image(Image(data, np.diag([2.0, 2.0, 5.0, 1.0])), home / f"{name}.nii.gz")
    prefix = ["--prefix", P]
    joined = map_arguments(stages, home / "unused")
    at = joined.index("--out")
    return {
        "composition": ["--labels", home / "labels.nii.gz", "--water", home / "water.nii.gz",
                        "--fat", home / "fat.nii.gz", *prefix],
        "function": ["--recording", home / P / "emg" / f"{P}_task-walk_emg.c3d", *prefix],
        "map": [*joined[1:at], *joined[at + 2 :]],
        "export": ["--map-dir", made, *prefix],
        "report": ["--map-dir", made, *prefix],
    }  # fmt: skip


@pytest.fixture(scope="session")
def stages(study, undisturbed):
    """Return the arguments of the verbs that need images of a leg, without ``--out``."""
    bids, made = study / "bids" / "sub-01", undisturbed[0] / "sub-01"
    drawn = study / "bids/derivatives/manual/sub-01/anat"
    labels = made / "anat/sub-01_seg-muscles_dseg.nii.gz"
    anat = made / "anat/sub-01_desc-preproc_anat.nii.gz"
    axes = ["--directions", made / "fibre/sub-01_desc-smooth_direction.nii.gz"]
    end = ["--prefix", "sub-01"]
    settings = {name: ["--settings", json.dumps(own)] for name, own in QUICK.items()}
    series = [part for end in ("nii.gz", "bval", "bvec") for part in (
        f"--{end if end != 'nii.gz' else 'dwi'}", bids / f"dwi/sub-01_dwi.{end}")]  # fmt: skip
    return {
        "segment": ["--anat", bids / "anat/sub-01_T1w.nii.gz", "--manual",
                    drawn / "sub-01_desc-manual_dseg.nii.gz", *end],
        "diffusion": [*series, "--anat", anat, "--labels", labels, *end, *settings["diffusion"]],
        "fibres": ["--tensor", made / "dwi/sub-01_desc-noisy_tensor.nii.gz", "--labels", labels,
                   "--anat", anat, "--no-page", *end, *settings["fibres"]],
        "elastography": ["--waves", bids / "mre/sub-01_acq-60Hz_part-phase_mre.nii.gz",
                         "--labels", labels, *end, *settings["elastography"]],
        "ultrasound": ["--frames", bids / "us/sub-01_acq-TA_swe.png", "--labels", labels, *axes,
                       *end],
    }  # fmt: skip


@pytest.fixture
def arguments(request):
    """Return a function: the arguments of a small call of a verb."""

    def find(verb):
        small = request.getfixturevalue("verbs") if verb in SMALL else None
        return small[verb] if small else request.getfixturevalue("stages")[verb]

    return find


@pytest.fixture(scope="session")
def whole(call, tmp_path_factory):
    """Return a function: what a verb writes where nothing happens, and how long it takes."""
    known = {}

    def made(verb, arguments):
        if verb not in known:
            out = tmp_path_factory.mktemp("whole") / "out"
            start = time.perf_counter()
            done = call(verb, arguments, out)
            assert done.returncode == 0, done.stderr
            known[verb] = out, time.perf_counter() - start
        return known[verb]

    return made


@pytest.fixture(scope="session")
def call():
    """Return a function that runs a verb apart; what it says and its exit code."""

    def run(verb, arguments, out, **environment):
        target = out / "page.html" if verb == "report" else out
        command = [sys.executable, "-m", "imaging", verb, *map(str, arguments), "--out", target]
        return subprocess.run(
            [str(c) for c in command], capture_output=True, text=True, errors="replace",
            timeout=600, env={**os.environ, **environment},
        )  # fmt: skip

    return run


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Folders and settings of a small digital leg with all inputs, a third of it drawn."""
    import nibabel as nib
    import yaml

    home = tmp_path_factory.mktemp("study")
    made = subprocess.run(
        [sys.executable, "-m", "imaging", "phantom", home / "bids", "--preset", "small",
         "--seed", "1", "--us"], capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    truth = nib.load(home / "bids/derivatives/truth/sub-01/sub-01_dseg.nii.gz")
    labels = np.asarray(truth.dataobj)
    drawn = home / "bids/derivatives/manual/sub-01/anat"
    kept = np.where(labels % 100 <= 14, labels, 0).astype(np.int16)
    kept[..., :36] = kept[..., 50:] = 0
    nib.save(nib.Nifti1Image(kept, truth.affine), drawn / "sub-01_desc-manual_dseg.nii.gz")
    for sheet in drawn.glob("*_aponeurosis.nii.gz"):  # of the whole leg
        sheet.unlink()
    series = home / "bids/sub-01/dwi/sub-01_dwi.nii.gz"
    images = nib.load(series)
    low, high = (
        round((truth.affine[2, 3] + 6.0 * k - images.affine[2, 3]) / 7.5) for k in (34, 52)
    )
    part = images.slicer[:, :, low:high]
    nib.save(nib.Nifti1Image(np.asarray(part.dataobj), part.affine, part.header), series)
    # Most of the time goes into diffusion and fibres.
    shutil.copytree(home / "bids", home / "light", ignore=shutil.ignore_patterns("dwi"))
    (home / "quick.yaml").write_text(yaml.safe_dump(QUICK))
    return home


@pytest.fixture(scope="session")
def pennate_run(study):
    """Return a function that starts ``pennate run`` on the study in a process group of its own."""

    def start(out, *more, cores=2, bids=None, level="participant", before=(), **environment):
        command = [*before, sys.executable, "-m", "imaging", "run", bids or study / "bids", out,
                   level, "--nprocs", cores, "--config", study / "quick.yaml", *more]  # fmt: skip
        return subprocess.Popen(
            [str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace", start_new_session=True, env={**os.environ, **environment},
            # A shell lets what it starts in the background ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    return start


@pytest.fixture(scope="session")
def undisturbed(pennate_run, tmp_path_factory):
    """Output folder of a run that nothing happened to, and how long it took."""
    return _undisturbed(tmp_path_factory.mktemp("undisturbed") / "out", pennate_run)


@pytest.fixture(scope="session")
def undisturbed_light(pennate_run, study, tmp_path_factory):
    """As `undisturbed`, of the same leg without diffusion images."""
    out = tmp_path_factory.mktemp("undisturbed_light") / "out"
    return _undisturbed(out, pennate_run, bids=study / "light")


def _undisturbed(out, pennate_run, **more):
    start = time.perf_counter()
    code, said, errors = ended(pennate_run(out, **more))
    assert code == 0, said + errors
    return out, time.perf_counter() - start
