"""The inputs of many sessions are counted, those of few are shown."""

from imaging.dataset import Finding, Session
from imaging.pipeline.table import brief


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
