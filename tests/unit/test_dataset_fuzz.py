"""Whatever files are called: an error of the project's own, or every image is accounted for."""

from pathlib import Path, PurePath
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imaging.dataset import find_sessions, shown
from imaging.dataset.leftovers import inputs_below
from imaging.dataset.names import ENDINGS
from imaging.errors import InputError
from imaging.pipeline.sessions import inspect, refusal
from imaging.pipeline.table import as_text, not_taken, table

ODD = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=6
)
PEOPLE = st.sampled_from(
    ["sub-01", "sub-02", "Sub-01", "sub01", "", "sub-01_ses-1", "sub-01_ses-2"]
)
PARTS = st.sampled_from(["", "acq-a", "part-phase", "part-mag", "echo-1", "echo-x", "desc-manual",
                         "run-{A}", "[x]", "-", "label-101", "é ü"])  # fmt: skip
SUFFIX = st.sampled_from(["T1w", "t1w", "T1", "T2w", "MEGRE", "dwi", "epi", "mre", "stiffness",
                          "swe", "emg", "dseg", "aponeurosis", "bold", ""])  # fmt: skip
NAMES = st.builds(
    lambda person, part, suffix, end: "_".join(p for p in (person, part, suffix) if p) + end,
    PEOPLE, st.one_of(PARTS, ODD), SUFFIX, st.sampled_from([*ENDINGS, ".NII", ".json", ".C3D"]),
)  # fmt: skip
FOLDERS = st.sampled_from(
    ["", "sub-01", "sub-01/anat", "sub-01/dwi", "sub-01/fmap", "sub-01/mre", "sub-01/us",
     "sub-01/emg", "sub-01/Anat", "sub-01/anat/old", "sub-01/ses-1/anat", "sub-01/ses-1/dwi",
     "sub-01/ses-2/anat", "sub-02/anat", "Sub-03/anat", "sub-a b/anat", "{A}",
     "derivatives/manual/sub-01/anat", "derivatives/manual/sub-01/ses-1/anat",
     "derivatives/manual/sub-09/anat"]
)  # fmt: skip
FILES = st.lists(st.tuples(FOLDERS, st.one_of(NAMES, NAMES, ODD)), min_size=1, max_size=8)


def write(root: Path, files: list[tuple[str, str]]) -> None:
    for number, (folder, name) in enumerate(files):
        path = root / folder / name
        if len(name.encode()) > 200 or name in (".", ".."):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.exists():
            continue
        if number % 5 == 4:
            path.symlink_to("nowhere")
        else:
            path.write_bytes(b"" if number % 2 else b"\0" * 400)


def accounted(sessions) -> set[str]:
    """Files in a finding, and magnitudes that are read with their phase."""
    names = {f for s in sessions for finding in s.findings for f in finding.files}
    waves = {str(PurePath(n)) for n in names if "part-phase" in n}
    return names | {n.replace("part-phase", "part-mag") for n in waves}


@settings(max_examples=40, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
@given(FILES)
def test_no_name_breaks_the_search_and_no_image_is_dropped(files):
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, [("sub-01/anat", "sub-01_T1w.nii.gz"), *files])
        try:
            sessions = find_sessions(root)
        except InputError:
            return
        skipped = {".", "..", "derivatives"}
        seen = accounted(sessions)
        for path in inputs_below(root):
            inside = path.relative_to(root)
            if not set(inside.parts[:1]) & skipped or inside.parts[1:2] == ("manual",):
                assert shown(inside) in seen
        opened = [inspect(s) for s in sessions]
        assert as_text(opened)
        not_taken(opened)
        table(opened).to_csv(root / "table.tsv", sep="\t", index=False)
        assert all(refusal(s) is None or refusal(s) for s in opened)
