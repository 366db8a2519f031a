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
