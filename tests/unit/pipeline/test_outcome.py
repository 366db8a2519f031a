"""The summary of a study: one row for each session, with the verb's own sentence."""

from types import SimpleNamespace

import pytest

from imaging.dataset import Session
from imaging.pipeline.dataset_files import conclude
from imaging.pipeline.outcome import (
    Status,
    exit_code,
    merged,
    outcomes,
    read_summary,
    standing,
    why_failed,
)
from imaging.pipeline.steps import Failure, Step

SESSIONS = [Session("01"), Session("02", "a"), Session("03"), Session("04")]


def failure(prefix: str, stage: str = "segment", message: str = "") -> Failure:
    return Failure(Step(stage, stage, prefix, f"{prefix}/{prefix}_{stage}.log"), message)


def log(out, prefix: str, text: str, stage: str = "segment") -> None:
    path = out / "logs" / prefix / f"{prefix}_{stage}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("warning: x\npennate segment: a.nii.gz: no leg. Give one.\n", Status.refused,
         "a.nii.gz: no leg. Give one."),
        ("pennate segment failed: did not converge.\n", Status.failed, "did not converge."),
        ("Traceback (most recent call last):\n  File x\nnumpy.linalg.LinAlgError: singular\n",
         Status.failed, "It ended with numpy.linalg.LinAlgError: singular"),
        ("warning: half a\n", Status.failed, "It was killed."),
        ("", Status.failed, "It was killed."),
    ],
)  # fmt: skip
def test_the_sentence_of_a_log(tmp_path, text, status, reason):
    log(tmp_path, "sub-01", text)
    assert why_failed(failure("sub-01", message="it was killed"), tmp_path) == (status, reason)


def test_a_log_that_is_not_there(tmp_path):
    assert why_failed(failure("sub-01"), tmp_path) == (Status.failed, "It ended without a word.")


@pytest.mark.parametrize("text", ["", "warning: half a senten"])
def test_a_log_that_found_no_room(tmp_path, text, monkeypatch):
    log(tmp_path, "sub-01", text)
    left = SimpleNamespace(free=200_000)
    monkeypatch.setattr("imaging.pipeline.outcome.shutil.disk_usage", lambda folder: left)
    status, reason = why_failed(failure("sub-01"), tmp_path)
    assert status is Status.failed
    assert reason.startswith(f"{tmp_path}: the disk is full (0.2 MB are left).")


def test_one_row_for_each_session_and_back_from_the_file(tmp_path):
    log(tmp_path, "sub-02_ses-a", "pennate segment failed: did\tnot converge.")
    rows = outcomes(
        SESSIONS, {"sub-03": "no\nimage"},
        [failure("sub-02_ses-a"), failure("sub-02_ses-a", "map")],
        ["sub-01", "sub-02_ses-a"], tmp_path,
    )  # fmt: skip
    assert [row.status for row in rows] == ["finished", "failed", "refused", "not_run"]
    assert rows[1].line(tmp_path) == (
        "sub-02_ses-a failed by segment: did not converge. Also: map. "
        f"Log: {tmp_path}/logs/sub-02_ses-a/sub-02_ses-a_segment.log"
    )
    assert rows[2].line(tmp_path) == "sub-03 refused: no image."
    conclude(tmp_path, rows)
    assert read_summary(tmp_path) == rows
    assert exit_code(rows) == 1 and exit_code(rows[2:]) == 2 and exit_code(rows[:1]) == 0


def test_sessions_of_other_runs_keep_their_rows(tmp_path):
    first = outcomes(SESSIONS, {"sub-03": "bad"}, [], ["sub-01"], tmp_path)
    again = outcomes(SESSIONS[2:3], {}, [], ["sub-03"], tmp_path)
    rows = merged(again, first)
    assert [r.prefix for r in rows] == ["sub-01", "sub-02_ses-a", "sub-03", "sub-04"]
    assert rows[2].status is Status.finished


def test_before_the_group_each_stands_as_it_was_left(tmp_path):
    conclude(tmp_path, outcomes(SESSIONS, {"sub-03": "bad"}, [], ["sub-01", "sub-04"], tmp_path))
    rows = standing(SESSIONS, ["sub-01"], tmp_path)
    assert [row.status for row in rows] == ["finished", "not_run", "refused", "not_run"]
    assert rows[3].reason == "It has no map yet."


@pytest.mark.parametrize("text", ["", "participant_id\nsub-01\n", "x"])
def test_a_summary_that_cannot_be_read_is_none(tmp_path, text):
    (tmp_path / "summary.tsv").write_text(text)
    assert read_summary(tmp_path) == []
