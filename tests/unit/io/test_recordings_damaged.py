"""Damaged recordings and tables: a result, or one sentence that names the file."""

import warnings

import c3d_bytes
import numpy as np
import pytest
from edfio import Bdf, BdfSignal, Edf, EdfAnnotation, EdfSignal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imaging.errors import InputError
from imaging.io.c3d_layout import read_layout
from imaging.io.emg_tables import read_events
from imaging.io.recordings import read_recording

FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
FEW = settings(FUZZ, max_examples=8)
# Most flips fall into the headers, where they do most harm.
PLACES = st.lists(st.tuples(st.integers(0, 1023), st.integers(1, 255)), min_size=1, max_size=4)
SHARES = st.one_of(st.none(), st.floats(0, 1))


def damage(content, places, share):
    damaged = bytearray(content)
    for place, flip in places:
        damaged[place % len(damaged)] ^= flip
    return bytes(damaged if share is None else damaged[: int(share * len(damaged))])


def refusal(read, *arguments):
    """Return what a reader says of a file that it refuses; empty where it reads it."""
    try:
        read(*arguments)
    except InputError as error:
        return str(error)
    return ""


def assert_named(said, name):
    assert not said or name in said
    assert "Traceback" not in said


@pytest.fixture(scope="module", params=["edf", "bdf"])
def edf(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("edf") / f"a_emg.{request.param}"
    signal, file = (BdfSignal, Bdf) if request.param == "bdf" else (EdfSignal, Edf)
    rows = np.random.default_rng(0).normal(size=(2, 300))
    notes = [EdfAnnotation(0.5, None, "RHS"), EdfAnnotation(1.1, None, "RTO")]
    signals = [
        signal(row, 100, label=name) for row, name in zip(rows, ("L_TA", "R_TA"), strict=True)
    ]
    file(signals, data_record_duration=1, annotations=notes).write(path)
    return path.suffix, path.read_bytes()


@FUZZ
@given(places=PLACES, share=SHARES)
def test_damaged_edf_and_bdf(edf, tmp_path, places, share):
    suffix, content = edf
    path = tmp_path / f"damaged_emg{suffix}"
    path.write_bytes(damage(content, places, share))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_named(refusal(read_recording, path, None, None), path.name)


@pytest.fixture(scope="module")
def c3d(tmp_path_factory):
    file = c3d_bytes.small(60)
    c3d_bytes.add_events(file, [("Left", "Foot Strike", 0.1), ("Right", "Foot Off", 0.3)])
    return c3d_bytes.write(file, tmp_path_factory.mktemp("c3d") / "a.c3d").read_bytes()


@FUZZ
@given(places=PLACES, share=SHARES)
def test_counts_of_a_damaged_c3d(c3d, tmp_path, places, share):
    path = tmp_path / "damaged.c3d"
    path.write_bytes(damage(c3d, places, share))
    said = refusal(read_layout, path)
    assert_named(said, path.name)
    if not said:
        layout = read_layout(path)
        data = layout.n_frames * layout.frame_bytes
        assert layout.data_start + data <= path.stat().st_size


@FEW
@given(places=PLACES, share=SHARES)
def test_damaged_c3d(c3d, tmp_path, places, share):
    path = tmp_path / "damaged.c3d"
    path.write_bytes(damage(c3d, places, share))
    assert_named(refusal(read_recording, path, None, None), path.name)


@FUZZ
@given(places=PLACES, share=SHARES)
def test_damaged_tables(tmp_path, places, share):
    table = b"onset\tduration\ttrial_type\n0.5\t0\tleft_foot_strike\n1.1\t0\tleft_foot_off\n"
    path = tmp_path / "damaged_events.tsv"
    path.write_bytes(damage(table, places, share))
    assert_named(refusal(read_events, path), path.name)


@FUZZ
@given(places=PLACES, share=SHARES)
def test_damaged_channels(tmp_path, places, share):
    recording = tmp_path / "a_emg.edf"
    if not recording.exists():
        Edf([EdfSignal(np.arange(1000.0), 1000, label="L_TA")]).write(recording)
    table = b"name\ttype\tunits\ttarget_muscle\nL_TA\tEMG\tuV\tleft soleus\n"
    path = tmp_path / "a_channels.tsv"
    path.write_bytes(damage(table, places, share))
    assert_named(refusal(read_recording, recording, path, None), "a_")
