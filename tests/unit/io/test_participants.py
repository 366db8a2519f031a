"""Who is in a cohort stands once in its table."""

import pytest

from imaging.errors import InputError
from imaging.io.participants import read_participants


@pytest.mark.parametrize("other", ["sub-01", "01", " 01"])
def test_a_person_who_stands_twice_is_refused(tmp_path, other):
    path = tmp_path / "participants.tsv"
    path.write_text(f"participant_id\tgroup\n01\tcontrol\n{other}\tpatient\n")
    with pytest.raises(InputError, match="twice"):
        read_participants(path)
