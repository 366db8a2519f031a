"""The inputs of many sessions are counted, those of few are shown."""

from imaging.dataset import Finding, Session
from imaging.formats.tsv import write_tsv
from imaging.pipeline.table import brief, table, with_others


def session(number: int, *inputs: str) -> Session:
    found = [Finding(f"{number:02d}", "", name, "found", (f"{name}.nii",)) for name in inputs]
    lost = Finding(f"{number:02d}", "", "waves", "missing", (), "no stiffness")
    return Session(f"{number:02d}", findings=(*found, lost))


def test_few_are_shown_and_many_counted():
    few = [session(n, "anat") for n in range(2)]
    assert brief(few, 80).splitlines()[0] == "sub-00"
    many = [session(n, "anat", *(["dwi"] if n else [])) for n in range(200)]
    said = [" ".join(line.split()) for line in brief(many).splitlines()]
    assert said == ["anat in 200 of 200 sessions", "dwi in 199 of 200 sessions"]


def test_a_run_of_some_keeps_the_rows_of_the_others(tmp_path):
    whole = table([session(n, "anat", "dwi") for n in (1, 2, 10)])
    write_tsv(whole, tmp_path / "inputs.tsv")
    found = with_others(table([session(2, "anat")]), tmp_path)
    assert found["subject"].tolist() == ["01"] * 3 + ["02"] * 2 + ["10"] * 3
    again = with_others(table([session(n, "anat", "dwi") for n in (1, 2, 10)]), tmp_path)
    write_tsv(again, tmp_path / "again.tsv")
    assert (tmp_path / "again.tsv").read_bytes() == (tmp_path / "inputs.tsv").read_bytes()


def test_a_cut_table_of_inputs_is_written_anew(tmp_path):
    (tmp_path / "inputs.tsv").write_bytes(b"subject\tsess")
    assert len(with_others(table([session(2, "anat")]), tmp_path)) == 2
