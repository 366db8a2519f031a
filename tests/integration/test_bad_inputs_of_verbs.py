"""Each verb refuses what it cannot use: exit code 2, one sentence, nothing written.

Beside what a user types wrong: files that are cut, empty, of another kind, or contradict each
other. Nothing is computed.
"""

from __future__ import annotations

import gzip
import shlex
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from imaging.cli.app import main

EYE = np.diag([2.0, 2.0, 2.0, 1.0])
RUN = "run study out participant --skip-bids-validation"
SEGMENT = "segment --out out --prefix sub-01 --anat"
DIFFUSION = "diffusion --out out --prefix sub-01 --dwi"
COMPOSITION = "composition --out out --prefix sub-01"
FIBRES = "fibres --out out --prefix sub-01"
WAVES = "elastography --out out --prefix sub-01 --labels labels.nii.gz"
FRAMES = "ultrasound --out out --prefix sub-01 --labels labels.nii.gz"
FUNCTION = "function --out out --prefix sub-01 --recording"
MAP = "map --out out --prefix sub-01 --anat-dir"

# The command line, and what its sentence must hold.
CASES = [
    # The study and its arguments.
    ("run nowhere out participant", "no such BIDS folder"),
    ("run text.nii.gz out participant", "no such BIDS folder"),
    ("run empty out participant", "has no folder sub-<label>"),
    ("run misnamed out participant", "Rename subject_01"),
    ("run dashed out participant", "is not a BIDS label"),
    ("run study/sub-01 out participant", "this is the folder of one subject"),
    (f"{RUN} --participant-label 07", "has no participant 07"),
    (f"{RUN} --session-id b", "has no such session"),
    ("run study study participant", "contains the input data"),
    ("run study other participant", "did not write"),
    ("run study text.nii.gz/out participant --skip-bids-validation", "cannot be written"),
    ("run study out group", "has no finished map"),
    ("run study out participant --reports-only", "has no finished map"),
    ("run noanat out participant", "no session can be run"),
    ("run twice out participant", "2 files may be the anatomical image"),
    ("run stranger out participant", "is named sub-02"),
    ("run pointer out participant", "cannot be read"),
    (f"{RUN} --profile nowhere", "no such profile"),
    (f"{RUN} --work-dir text.nii.gz/work", "Choose another --work-dir"),
    (f"{RUN} --config nowhere.yaml", "cannot be read"),
    (f"{RUN} --config text.nii.gz", "is not a table of settings"),
    (f"{RUN} --config typo.yaml", "Is fibres.step_mm meant?"),
    (f"{RUN} --config number.yaml", "participants.0: must be text"),
    (f"{RUN} --config select.yaml", "select names unknown inputs: anatomy"),
    (f"{RUN} --config model.yaml", "model.file: no such OpenSim model"),
    ("check nowhere", "no such BIDS folder"),
    ("check study --names-only --out text.nii.gz/inputs.tsv", "cannot be written"),
    ("check noanat --names-only", "there is no anatomical image"),
    ("check study", "cannot be read as NIfTI"),
    # Images.
    (f"{SEGMENT} nowhere.nii.gz", "no such"),
    (f"{SEGMENT} empty", "no such"),
    (f"{SEGMENT} text.nii.gz", "cannot be read as NIfTI"),
    (f"{SEGMENT} zero.nii.gz", "cannot be read as NIfTI"),
    (f"{SEGMENT} cut.nii.gz", "truncated"),
    (f"{SEGMENT} slice.nii.gz", "3-D image is needed"),
    (f"{SEGMENT} series.nii.gz", "3-D image is needed"),
    (f"{SEGMENT} nan.nii.gz", "not finite"),
    (f"{SEGMENT} complex.nii.gz", "one real number"),
    (f"{SEGMENT} sheared.nii.gz", "shear"),
    (f"{SEGMENT} flat.nii.gz", "has no usable affine"),
    (f"{SEGMENT} image.nii.gz --settings typo.yaml", "without 'fibres:'"),
    (f"{SEGMENT} image.nii.gz --settings '{{kind_of_method: atlas}}'", "there is no such setting"),
    (f"{SEGMENT} image.nii.gz", "shows no leg"),
    (f"{SEGMENT} image.nii.gz --manual nowhere.nii.gz", "nowhere.nii.gz"),
    (f"{SEGMENT} image.nii.gz --manual blank.nii.gz", "is empty"),
    # Diffusion.
    (f"{DIFFUSION} series.nii.gz", "series.bval"),
    (f"{DIFFUSION} image.nii.gz --bval b.bval --bvec b.bvec", "4-D"),
    (f"{DIFFUSION} series.nii.gz --bval short.bval --bvec b.bvec", "b-values for 4 volumes"),
    (f"{DIFFUSION} series.nii.gz --bval words.bval --bvec b.bvec", "words.bval"),
    (f"{DIFFUSION} series.nii.gz --bval minus.bval --bvec b.bvec", "minus.bval"),
    (f"{DIFFUSION} series.nii.gz --bval b.bval --bvec short.bval", "short.bval"),
    (f"{DIFFUSION} series.nii.gz --bval b.bval --bvec long.bvec", "long.bvec"),
    # Composition.
    (COMPOSITION + " --labels labels.nii.gz", "--"),
    (f"{COMPOSITION} --labels labels.nii.gz --water image.nii.gz", "half of a pair"),
    (f"{COMPOSITION} --labels nowhere.nii.gz --water image.nii.gz --fat image.nii.gz", "no such"),
    (f"{COMPOSITION} --labels labels.nii.gz --echo image.nii.gz", "4-D image is needed"),
    # Fibres.
    (FIBRES, "--"),
    (f"{FIBRES} --tensor image.nii.gz --mask labels.nii.gz --muscle SOL", "4-D or 5-D image"),
    (f"{FIBRES} --tracts text.nii.gz --mask labels.nii.gz --muscle SOL", "text.nii.gz"),
    # Waves and ready maps.
    (WAVES, "--"),
    (f"{WAVES} --waves nowhere.nii.gz", "no such"),
    (f"{WAVES} --waves series.nii.gz", "series.json"),
    (f"{WAVES} --stiffness image.nii.gz", "image.json"),
    # Ultrasound.
    (f"{FRAMES} --frames nowhere.png", "nowhere.png"),
    (f"{FRAMES} --frames text.nii.gz", "text.json"),
    # Recordings.
    (f"{FUNCTION} nowhere.edf", "nowhere.edf"),
    (f"{FUNCTION} text.edf", "text.edf"),
    (f"{FUNCTION} text.c3d", "text.c3d"),
    (f"{FUNCTION} zero.c3d", "zero.c3d"),
    # Maps and what is made of them.
    (f"{MAP} nowhere", "nowhere"),
    (f"{MAP} empty", "empty"),
    (f"{MAP} empty --settings '{{erode_mm: -1}}'", "must be at least"),
    ("export --map-dir empty --out out --prefix sub-01", "empty"),
    ("report --map-dir empty --out out/a.html --prefix sub-01", "empty"),
    ("report", "--map-dir and --out are needed"),
    ("report --group empty", "has no muscle map"),
    ("report --map-dir empty --out empty", "no name of a page"),
    ("report --map-dir empty --out muscles.tsv", "no name of a page"),
    ("export --map-dir empty --out empty", "is the folder of the map"),
    ("report --group empty --out a.html", "cannot be combined"),
    ("report --group empty --controls group=control", "needs --participants"),
    ("model --map-dir empty --out out --prefix sub-01", "empty"),
    # Folders of DICOM.
    ("convert nowhere out --subject 01", "nowhere"),
    ("convert empty out --subject 01", "empty"),
    ("convert texts out --subject 01", "texts"),
    ("phantom out --preset small --subject a-b", "a-b"),
]
# What the parser itself refuses, as every Unix command does.
MISTYPED = [
    "walk",
    "run study out",
    "run study out both",
    f"{RUN} --nprocs 0",
    f"{RUN} --nprocs many",
    f"{RUN} --mem-mb 10",
    f"{RUN} --participant-label",
    f"{RUN} --participants 01",
    "segment --anat image.nii.gz",
    "phantom out --preset huge",
]


def save(path: Path, data: np.ndarray, affine: np.ndarray = EYE) -> None:
    image = nib.Nifti1Image(data, None)
    image.header.set_sform(affine, 1)
    image.header.set_zooms([2.0] * data.ndim)
    nib.save(image, path)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder full of things that cannot be used."""
    root = tmp_path_factory.mktemp("bad")
    for name in ("empty", "texts", "misnamed/subject_01", "dashed/sub-a-b", "other"):
        (root / name).mkdir(parents=True)
    (root / "texts" / "a.dcm").write_text("no DICOM")
    (root / "other" / "dataset_description.json").write_text('{"Name": "fMRIPrep"}')
    for study, names in {
        "study": ["sub-01/anat/sub-01_T1w.nii.gz"],
        "noanat": ["sub-01/dwi/sub-01_dwi.nii.gz"],
        "twice": ["sub-01/anat/sub-01_acq-a_T1w.nii.gz", "sub-01/anat/sub-01_acq-b_T1w.nii.gz"],
        "stranger": ["sub-01/anat/sub-01_T1w.nii.gz", "sub-01/dwi/sub-02_dwi.nii.gz"],
        "pointer": ["sub-01/anat/sub-01_T2w.nii.gz"],
    }.items():
        for name in names:
            (root / study / name).parent.mkdir(parents=True, exist_ok=True)
            (root / study / name).touch()
    link = root / "pointer/sub-01/anat/sub-01_T1w.nii.gz"
    link.symlink_to("../../.git/annex/objects/x")
    for name in ("text.nii.gz", "text.edf", "text.c3d"):
        (root / name).write_text("not what its name says")
    for name in ("zero.nii.gz", "zero.c3d"):
        (root / name).touch()
    for name, text in {
        "typo.yaml": "fibres: {stepp_mm: 1}",
        "number.yaml": "participants: [1]",
        "select.yaml": "select: {anatomy: '*'}",
        "model.yaml": "model: {file: nowhere.osim}",
        "b.bval": "0 500 500 500",
        "short.bval": "0 500",
        "words.bval": "a b c d",
        "minus.bval": "0 -500 500 500",
        "b.bvec": "0 1 0 0\n0 0 1 0\n0 0 0 1",
        "long.bvec": "0 3 0 0\n0 0 3 0\n0 0 0 3",
    }.items():
        (root / name).write_text(text)
    data = np.random.default_rng(1).uniform(0, 100, (9, 8, 7, 4)).astype(np.float32)
    save(root / "image.nii.gz", data[..., 0])
    save(root / "series.nii.gz", data)
    save(root / "slice.nii.gz", data[..., 0, 0])
    save(root / "complex.nii.gz", data[..., 0].astype(np.complex64))
    save(root / "blank.nii.gz", np.zeros((9, 8, 7), np.int16))
    save(root / "labels.nii.gz", np.full((9, 8, 7), 201, np.int16))
    hole = data[..., 0].copy()
    hole[1, 1, 1] = np.nan
    save(root / "nan.nii.gz", hole)
    save(root / "sheared.nii.gz", data[..., 0], EYE + 0.8 * np.eye(4, k=1))
    save(root / "flat.nii.gz", data[..., 0], np.diag([2.0, 2.0, 0.0, 1.0]))
    whole = gzip.decompress((root / "image.nii.gz").read_bytes())
    (root / "cut.nii.gz").write_bytes(gzip.compress(whole)[:-900])
    return root


def arguments(line: str) -> list[str]:
    return shlex.split(line)


@pytest.mark.parametrize(("line", "said"), CASES, ids=[line for line, _ in CASES])
def test_refused_in_one_sentence(place, monkeypatch, capfd, line, said):
    monkeypatch.chdir(place)
    before = sorted(place.rglob("*"))
    code = main(arguments(line))
    told = capfd.readouterr().err
    assert code == 2, told
    verb = line.split()[0]
    sentences = [row for row in told.splitlines() if row.startswith(f"pennate {verb}: ")]
    assert len(sentences) == 1, told
    assert said in sentences[0]
    assert sentences[0].endswith(".")
    assert "Traceback" not in told
    left = set(place.rglob("*")) - set(before)
    assert not [p for p in left if p.is_file() and p.name != "lock"]


@pytest.mark.parametrize("line", MISTYPED)
def test_mistyped_commands_end_with_2(place, monkeypatch, capfd, line):
    monkeypatch.chdir(place)
    assert main(arguments(line)) == 2
    assert "Traceback" not in capfd.readouterr().err


def test_enough_was_tried():
    assert len(CASES) + len(MISTYPED) >= 60
