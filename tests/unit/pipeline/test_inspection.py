import c3d_bytes
import nibabel as nib
import numpy as np

from imaging.dataset import find_sessions
from imaging.pipeline.sessions import inspect, refusal


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.full((4, 4, 4), value, np.int16)
    nib.save(nib.Nifti1Image(data, np.diag([2.0, 2.0, 2.0, 1.0])), path)


def test_drawn_labels_must_be_explained(tmp_path):
    write(tmp_path / "sub-01/anat/sub-01_T1w.nii.gz", 100)
    drawn = tmp_path / "derivatives/manual/sub-01/anat/sub-01_desc-manual_dseg.nii.gz"
    write(drawn, 7)
    lookup = drawn.with_name("sub-01_desc-manual_dseg.tsv")
    lookup.write_text("index\tname\n7\tleft soleus\n", encoding="utf-8")
    (session,) = find_sessions(tmp_path)
    assert refusal(inspect(session)) is None
    lookup.write_text("index\tname\n8\tleft soleus\n", encoding="utf-8")
    assert "labels [7] are not explained" in str(refusal(inspect(session)))


def test_events_that_are_not_understood_are_listed(tmp_path):
    write(tmp_path / "sub-01/anat/sub-01_T1w.nii.gz", 100)
    file = c3d_bytes.small()
    c3d_bytes.add_events(file, [("Left", "Foot Strike", 0.5), ("Left", "Plonk", 1.0)])
    (tmp_path / "sub-01/emg").mkdir()
    c3d_bytes.write(file, tmp_path / "sub-01/emg/sub-01_task-walk_emg.c3d")
    session = inspect(find_sessions(tmp_path)[0])
    assert refusal(session) is None
    (warning,) = [f for f in session.findings if f.state == "warning"]
    assert warning.input == "recording"
    assert "Left Plonk (1)" in warning.message


def test_channels_without_muscle_or_side_are_told(tmp_path):
    write(tmp_path / "sub-01/anat/sub-01_T1w.nii.gz", 100)
    (tmp_path / "sub-01/emg").mkdir()
    rows = "".join(f"{k / 1000:.3f}\t{k % 7}\t{k % 5}\n" for k in range(2000))
    text = tmp_path / "sub-01/emg/sub-01_task-walk_emg.tsv"
    text.write_text("time\tTA\tME\n" + rows, encoding="utf-8")
    session = inspect(find_sessions(tmp_path)[0])
    said = [f.message for f in session.findings if f.state == "warning"]
    assert any("left out: TA" in m and "no side" in m for m in said)
    assert any("left out: ME" in m and "not known" in m for m in said)


def test_every_recording_of_a_session_is_opened(tmp_path):
    write(tmp_path / "sub-01/anat/sub-01_T1w.nii.gz", 100)
    (tmp_path / "sub-01/emg").mkdir()
    file = c3d_bytes.small()
    c3d_bytes.add_events(file, [("Left", "Plonk", 1.0)])
    paths = [tmp_path / f"sub-01/emg/sub-01_task-walk_run-{n}_emg.c3d" for n in (1, 2)]
    for path in paths:
        c3d_bytes.write(file, path)
    session = inspect(find_sessions(tmp_path)[0])
    said = [f.message for f in session.findings if f.state == "warning"]
    assert [m.split(":")[0] for m in said] == ["task-walk_run-1", "task-walk_run-2"]
    paths[1].write_bytes(b"no recording at all")
    why = str(refusal(inspect(find_sessions(tmp_path)[0])))
    assert why.startswith("the recording of EMG cannot be used")
    assert "run-2_emg.c3d" in why


def test_a_broken_anatomical_image_is_reported_once(tmp_path):
    write(tmp_path / "sub-01/anat/sub-01_T1w.nii.gz", 100)
    drawn = tmp_path / "derivatives/manual/sub-01/anat/sub-01_desc-manual_dseg.nii.gz"
    write(drawn, 107)
    anat = tmp_path / "sub-01/anat/sub-01_T1w.nii.gz"
    anat.write_bytes(anat.read_bytes()[: anat.stat().st_size // 2])
    bad = [f for f in inspect(find_sessions(tmp_path)[0]).findings if f.state == "contradiction"]
    assert [f.input for f in bad] == ["anat"]
