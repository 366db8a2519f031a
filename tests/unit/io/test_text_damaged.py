"""Damaged text: a result, or one sentence that names the file."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imaging.errors import InputError
from imaging.io.opensim_motion import read_opensim_motion
from imaging.io.recordings import read_recording
from imaging.io.trc import read_trc

N = 700
TIMES = np.arange(N) / 1000
ROWS = np.random.default_rng(0).normal(size=(3, N))
TABLE = "\n".join(
    "\t".join(f"{v:.5f}" for v in row) for row in np.vstack([TIMES, ROWS]).T
)  # fmt: skip
STO = "walk\nversion=1\nnRows=700\ninDegrees=no\nendheader\n"
TEXTS = {
    "a_emg.csv": "Frequency: 1000 Hz\n\ntime [s],R TA [mV],L TA [mV],L SOL [mV]\n"
    + TABLE.replace("\t", ","),
    "a_emg.txt": "Zeit;R TA;L TA;L SOL\ns;mV;mV;mV\n"
    + TABLE.replace(".", ",").replace("\t", ";"),
    "a_emg.sto": f"{STO}time\tta_r\tta_l\tsol_l\n{TABLE}\n",
    "a_grf.mot": f"{STO}time\tr_vx\tr_vy\tr_vz\n{TABLE}\n",
    "a_motion.trc": "PathFileType\t4\t(X/Y/Z)\tw.trc\nDataRate\tUnits\n100\tmm\n"
    "Frame#\tTime\tR.Heel\t\t\n\t\tX1\tY1\tZ1\n\n"
    + "\n".join(f"{i}\t{line}" for i, line in enumerate(TABLE.splitlines())),
}  # fmt: skip
PLACES = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from([*b'\0"\n\t,;.0x-e ', 0xFF])),
    max_size=4,
)


def read(path):
    if path.suffix == ".mot":
        return read_opensim_motion(path)
    return read_trc(path) if path.suffix == ".trc" else read_recording(path, None, None)


def refusal(path):
    """Return what a reader says of a file that it refuses; empty where it reads it."""
    try:
        read(path)
    except InputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", TEXTS)
def test_whole_files_are_read(name, tmp_path):
    (tmp_path / name).write_text(TEXTS[name])
    assert read(tmp_path / name).warnings is not None


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    name=st.sampled_from(sorted(TEXTS)),
    places=PLACES,
    share=st.one_of(st.none(), st.floats(0, 1)),
)
def test_damaged_text(tmp_path, name, places, share):
    content = bytearray(TEXTS[name].encode())
    for place, byte in places:
        content[place] = byte
    path = tmp_path / name
    path.write_bytes(content if share is None else content[: int(share * len(content))])
    said = refusal(path)
    assert not said or name in said
