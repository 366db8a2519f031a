"""Every output of ours, cut in half, emptied or half zeroed, and given to the next stage."""

import contextlib
import itertools
import shutil

import numpy as np
import pytest
import stage_outputs
from stage_outputs import P, map_arguments, write_all

from imaging.cli.app import main
from imaging.formats import trx
from imaging.formats.nifti import save_image
from imaging.outputs import folder_of, outputs, promised
from imaging.provenance import write_json
from imaging.report.group.subjects import read_group

# Files that no stage reads, and what they are for.
UNREAD = {
    "anat/seg-muscles_dseg.tsv": "for people; given as --lookup it is a look-up as any other",
    "dwi/desc-preproc_dwi.nii.gz": "the cleaned series, for programs of others",
    "dwi/desc-preproc_dwi.bval": "as the series",
    "dwi/desc-preproc_dwi.bvec": "as the series",
    "dwi/desc-wls_tensor.nii.gz": "the tensor of the figures, for programs of others",
    "dwi/desc-residual_dwimap.nii.gz": "for who checks the fit",
    "mre/desc-waves_quality.nii.gz": "for who checks the waves",
    "us/desc-swe_samples.parquet": "every sample, for statistics of one's own",
    "us/desc-swe_frames.tsv": "figures frame by frame, for statistics of one's own",
    "func/events.tsv": "for programs of others",
    "func/trials.tsv": "read by the group, which leaves out the conditions of that session",
    "func/strides.tsv": "as the trials",
    "func/timing.tsv": "for people",
    "func/landings.tsv": "for people",
    "func/coordination.tsv": "for people",
    "func/fatigue.tsv": "for people",
    "model/model.tsv": "for other models and programs; the page has it from its own run",
    "model/desc-model_notes.json": "as the table",
    "map/activation.nii.gz": "for image viewers",
}
# Stages whose files go to people only, and that a rule of the plan names twice.
LAST = ("export", "report", "group", "compare", "contexts", "run")


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """Outputs of all stages on coarse grids, and the map, export and report of them."""
    fine = stage_outputs.grid
    folder = tmp_path_factory.mktemp("out") / P

    def coarse(shape, spacing):
        return fine(tuple(n // 3 for n in shape), tuple(3 * s for s in spacing))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage_outputs, "grid", coarse)
        folders = write_all(folder)
        write_what_other_stages_read(folder)
    assert main(map_arguments(folders, folder / "map")) == 0
    return folder


def write_what_other_stages_read(folder):
    image = stage_outputs.grid((32, 32, 26), (3.0, 3.0, 5.0))
    labels = stage_outputs.label_at(stage_outputs.world_of(image))

    def vectors(*values):
        return image.with_data(np.where(labels[..., None] > 0, values, 0).astype(np.float32))

    save_image(vectors(2e-3, 0, 1e-3, 0, 0, 1e-3), folder / "dwi" / f"{P}_desc-noisy_tensor.nii.gz")
    save_image(vectors(0.6, 0.0, 0.8), folder / "fibre" / f"{P}_desc-smooth_direction.nii.gz")
    spread = image.with_data((labels > 0) * np.float32(9))
    save_image(spread, folder / "fibre" / f"{P}_desc-dispersion_direction.nii.gz")
    displacement = vectors(1, 2, 3, 4, 5, 6)
    save_image(displacement, folder / "mre" / f"{P}_desc-waves_displacement.nii.gz")
    about = {"Units": "um", "FrequencyHz": 60, "Driver": "1"}
    write_json(folder / "mre" / f"{P}_desc-waves_displacement.json", about)
    shutil.copy(folder / "fibre" / f"{P}_aponeuroses.vtp", folder / "fibre" / f"{P}_surfaces.vtp")
    points = np.stack([np.full(50, 15.0), np.full(50, -15.0), np.linspace(-45, 45, 50)], axis=1)
    content = trx.archive(points, np.array([0, 50]), {}, {}, image)
    (folder / "fibre" / f"{P}_fascicles.trx").write_bytes(content)


def readers(folder, out):
    """Return the command that reads a file, by folder and end of the name."""
    anat, dwi, fibre = (folder / name for name in ("anat", "dwi", "fibre"))
    labels = str(anat / f"{P}_seg-muscles_dseg.nii.gz")
    tensor = str(dwi / f"{P}_desc-noisy_tensor.nii.gz")
    fibres = ["fibres", "--labels", labels, "--out", str(out)]
    waves = ["elastography", "--waves", "waves.nii.gz", "--out", str(out)]
    joined = map_arguments({n: folder / n for n in stage_outputs.STAGES}, out)
    special = {
        "dwi/desc-noisy_tensor.nii.gz": [*fibres, "--tensor", tensor],
        "fibre/fascicles.trx": [*fibres, "--tracts", str(fibre / f"{P}_fascicles.trx")],
    }  # fmt: skip
    more = {
        "anat/seg-muscles_dseg.nii.gz": [
            [*fibres, "--tensor", tensor],
            [*waves, "--labels", labels],
            ["ultrasound", "--frames", "f.png", "--out", str(out), "--prefix", P,
             "--labels", labels],
        ],
        "dwi/desc-wls_e1.nii.gz": [
            [*waves, "--directions", str(dwi / f"{P}_desc-wls_e1.nii.gz")]
        ],
        "fibre/desc-smooth_direction.nii.gz": [
            [*waves, "--directions", str(fibre / f"{P}_desc-smooth_direction.nii.gz")]
        ],
    }  # fmt: skip

    def find(name):
        return [special.get(name, joined), *more.get(name, [])]

    return find


def spoilt(content):
    half = len(content) // 2
    return {
        "cut": content[:half],
        "empty": b"",
        "zeroed": content[:half] + bytes(len(content) - half),
    }


@contextlib.contextmanager
def spoiling(path, content):
    """Spoil a file for a while."""
    whole = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(whole)


def complaints(paths, commands_of, out, capsys):
    """Return what is wrong with how spoilt files were received: nothing, one hopes."""
    found = []
    (out / "kept.txt").write_text("of an earlier run")
    for path in paths:
        for way, content in spoilt(path.read_bytes()).items():
            for command in commands_of(path):
                with spoiling(path, content):
                    code = main(command)
                said = capsys.readouterr().err.strip()
                right = (
                    code == 2
                    and said.startswith(f"pennate {command[0]}: ")
                    and path.name.split(".")[0] in said
                    and len(said.splitlines()) == 1
                    and "Traceback" not in said
                    and [p.name for p in out.iterdir()] == ["kept.txt"]
                )
                if not right:
                    found.append((path.name, way, command[0], code, said[-300:]))
    return found


def end(path):
    return f"{path.parent.name}/{path.name.removeprefix(f'{P}_')}"


@pytest.mark.parametrize("stage", stage_outputs.STAGES)
def test_spoilt_outputs_of_a_stage_are_refused_by_the_next(subject, stage, tmp_path, capsys):
    commands = readers(subject, tmp_path)
    paths = [p for p in sorted((subject / stage).iterdir()) if end(p) not in UNREAD]
    assert len(paths) >= 4
    assert complaints(paths, lambda path: commands(end(path)), tmp_path, capsys) == []


def test_spoilt_files_of_the_map_are_refused_by_exports_and_pages(subject, tmp_path, capsys):
    folder = subject / "map"
    paths = [p for p in sorted(folder.iterdir()) if end(p) not in UNREAD]
    assert len(paths) >= 20
    commands = [
        ["export", "--map-dir", str(folder), "--out", str(tmp_path), "--prefix", P],
        ["report", "--map-dir", str(folder), "--out", str(tmp_path / "a.html"), "--prefix", P],
    ]
    turns = itertools.cycle(commands)
    # Both read by the same reader: each file is given to one of them, each way of spoiling too.
    assert complaints(paths, lambda path: [next(turns)], tmp_path, capsys) == []


def test_a_spoilt_subject_is_left_out_of_the_group_and_named(subject, tmp_path, capsys):
    for prefix in ("sub-01", "sub-02"):
        (tmp_path / prefix / "map").mkdir(parents=True)
        for path in (subject / "map").glob(f"{P}_m*.[tj]*"):
            name = path.name.replace(P, prefix)
            shutil.copy(path, tmp_path / prefix / "map" / name)
    for part in ("measures.tsv", "measures.json", "muscles.tsv", "muscles.json"):
        path = tmp_path / "sub-02" / "map" / f"sub-02_{part}"
        for way, content in spoilt(path.read_bytes()).items():
            with spoiling(path, content):
                subjects, problems = read_group(tmp_path)
            assert [s.prefix for s in subjects] == ["sub-01"], (part, way)
            (problem,) = problems
            assert problem.startswith("sub-02 is left out: ")
            assert path.name in problem
    (tmp_path / "sub-03" / "anat").mkdir(parents=True)
    with spoiling(path, b""):
        assert main(["report", "--group", str(tmp_path)]) == 0
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[:2] for line in said] == [
        ["warning", " sub-02 is left out"], ["warning", " sub-03 is left out"]
    ]  # fmt: skip
    page = (tmp_path / "group.html").read_text()
    assert "sub-02 is left out" in page
    assert "sub-03 is left out" in page
    rows = (tmp_path / "group_muscles.tsv").read_text().splitlines()[1:]
    assert rows
    assert all(row.startswith("sub-01\t") for row in rows)
    for name in ("sub-01", "sub-02"):
        (tmp_path / name / "map" / f"{name}_measures.tsv").write_bytes(b"")
    kept = {p: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    assert main(["report", "--group", str(tmp_path)]) == 2
    assert "sub-02_measures.tsv" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == kept


def test_every_output_of_the_plan_is_spoilt_or_said_to_be_read_by_nobody(subject):
    spoilt_here = {end(p) for n in (*stage_outputs.STAGES, "map") for p in (subject / n).iterdir()}
    planned = {
        f"{folder_of(stage)}/{name.removeprefix('{prefix}_')}"
        for stage in dict.fromkeys(row.stage for row in outputs())
        if stage not in LAST
        for name in promised(stage)
    }
    # Other methods of stiffness and other maps of ultrasound are read as those that are spoilt.
    planned = {name for name in planned if "desc-ready" not in name}
    planned -= {f"us/desc-swe_{name}.nii.gz" for name in ("tilt", "confidence")}
    notes = {"mre/desc-waves_measures.tsv", "mre/desc-waves_notes.json"}
    assert planned - spoilt_here - set(UNREAD) - notes == set()
