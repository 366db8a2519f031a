"""Nothing that names a person or a day leaves a recording."""

import datetime
import re
import shutil

import c3d_bytes
import numpy as np
import pytest
from edfio import Edf, EdfAnnotation, EdfSignal, Patient, Recording

from imaging.cli.app import main
from imaging.phantom.emg_session import write_walking

P = "sub-01"
SECRETS = ("dulcinea", "toboso", "1943", "1944", "panza", "limps")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bids")
    write_walking(folder / P, folder / "truth", subject="01", session=None, seed=7, preset="small")
    return folder / P / "emg"


def written(recording, out, capfd):
    arguments = ["function", "--recording", recording, "--out", out, "--prefix", P]
    code = main([str(a) for a in arguments])
    said = capfd.readouterr()
    texts = [p.read_text(encoding="utf-8") for p in out.glob("*")] if code == 0 else []
    return code, " ".join([said.out, said.err, *texts]).lower()


def assert_silent(text):
    found = [s for s in SECRETS if re.search(rf"(?<![0-9a-f.]){s}(?![0-9a-f])", text)]
    assert found == []


def test_c3d(home, tmp_path, capfd):
    file = c3d_bytes.read(home / f"{P}_task-walk_emg.c3d")
    file["SUBJECTS:NAMES"] = ["Dulcinea Toboso"]
    file["EVENT:SUBJECTS"] = ["Dulcinea Toboso"] * len(file["EVENT:LABELS"])
    file["EVENT:LABELS"] = [*file["EVENT:LABELS"][:-1], "Dulcinea limps"]
    file["POINT:LABELS"] = ["Dulcinea Toboso:LHEE", "Dulcinea Toboso:RHEE"]
    file["MANUFACTURER:OPERATOR"] = ["Panza 1.1.1944"]
    labels = list(file["ANALOG:LABELS"])
    file["ANALOG:LABELS"] = [*labels[:-1], "Toboso extra"]
    code, text = written(c3d_bytes.write(file, tmp_path / "walk.c3d"), tmp_path / "out", capfd)
    assert code == 0
    assert "channel" in text
    assert_silent(text)


def test_edf(tmp_path, capfd):
    rng = np.random.default_rng(0)
    signals = [
        EdfSignal(100 * rng.normal(size=8000), 1000, label=name, physical_dimension="uV")
        for name in ("R_TA", "Dulcinea x")
    ]
    born = datetime.date(1943, 5, 1)
    notes = [EdfAnnotation(t, None, "RHS") for t in (1.0, 2.1, 3.2)]
    notes.append(EdfAnnotation(4.0, None, "Dulcinea limps"))
    Edf(
        signals,
        patient=Patient(code="Dulcinea", name="Dulcinea_Toboso", birthdate=born),
        recording=Recording(investigator_technician_code="Panza"),
        annotations=notes,
    ).write(tmp_path / "walk_emg.edf")
    code, text = written(tmp_path / "walk_emg.edf", tmp_path / "out", capfd)
    assert code == 0
    assert "r_ta" in text
    assert_silent(text)


HEADS = {
    "csv": "Patient: Dulcinea Toboso\nDate,1.5.1943\nOperator: Panza\nRemark: limps\n\n"
    "time [s],R TA [uV],Toboso SOL [uV],Remark\n",
    "sto": "Dulcinea Toboso 1.5.1943 limps\nversion=1\nnRows=3000\ninDegrees=no\nendheader\n"
    "time\tTA_r\tSOL_r\n",
}


@pytest.mark.parametrize("kind", HEADS)
def test_text(kind, tmp_path, capfd):
    rows = np.random.default_rng(0).normal(size=(3000, 2))
    end = ",Panza" if kind == "csv" else ""
    between = "," if kind == "csv" else "\t"
    lines = [between.join([f"{i / 1000:.3f}", f"{a:.4f}", f"{b:.4f}"]) + end
             for i, (a, b) in enumerate(rows)]  # fmt: skip
    path = tmp_path / f"walk_emg.{kind}"
    path.write_text(HEADS[kind] + "\n".join(lines) + "\n")
    code, text = written(path, tmp_path / "out", capfd)
    assert code == 0, text
    assert_silent(text)
    path.write_text(HEADS[kind] + "\n".join(lines[:1500] + lines) + "\n")
    code, text = written(path, tmp_path / "again", capfd)
    assert code == 2
    assert_silent(text)


def test_remarks_and_times_of_the_table_of_scans(home, tmp_path, capfd):
    folder = tmp_path / P / "emg"
    shutil.copytree(home, folder)
    (tmp_path / P / f"{P}_scans.tsv").write_text(
        "filename\tacq_time\toperator\tremarks\tfatigue\n"
        f"emg/{P}_task-walk_emg.c3d\t1944-01-01T10:00:00\tPanza\tDulcinea limps\tbefore\n"
    )
    code, text = written(folder / f"{P}_task-walk_emg.c3d", tmp_path / "out", capfd)
    assert code == 0
    assert_silent(text)
