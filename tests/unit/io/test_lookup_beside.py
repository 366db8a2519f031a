"""The table beside a label map says what its numbers mean, as BIDS has it."""

import pytest

from imaging.errors import LabelError
from imaging.io.label_maps import lookup_beside


@pytest.mark.parametrize(
    ("rows", "used"),
    [("1\tleft soleus\n", True), ("109\tleft soleus\n", False), ("1\tsome muscle\n", True)],
)
def test_a_table_that_repeats_the_catalogue_is_left_out(tmp_path, rows, used):
    table = tmp_path / "legs_dseg.tsv"
    table.write_text("index\tname\n" + rows)
    assert lookup_beside(tmp_path / "legs_dseg.nii.gz") == (table if used else None)


def test_no_table_and_a_table_that_cannot_be_read(tmp_path):
    assert lookup_beside(tmp_path / "legs_dseg.nii.gz") is None
    (tmp_path / "legs_dseg.tsv").write_text("value\tlabel\n1\tleft TA\n")
    with pytest.raises(LabelError, match="lacks the columns"):
        lookup_beside(tmp_path / "legs_dseg.nii.gz")
