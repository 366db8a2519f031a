"""What happens on a cluster at night: too little memory or time, nodes and runs that go away."""

import os
import signal
import subprocess

import pandas as pd
import pytest
from cluster import end, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.slurm, pytest.mark.usefixtures("tidy")]


def jobs_of(slurm, since, form="%i|%T"):
    """Return the jobs that were not there before, in order."""
    return [row for row in slurm.jobs(form) if row[0] not in since]


def known(slurm):
    return {row[0] for row in slurm.jobs()}


def test_a_job_that_took_too_much_memory_gets_more(slurm, mapped, profile, pennate):
    before = known(slurm)
    bids, out = mapped(1)
    small = profile(set_resources={"report": {"mem_mb": "400 * attempt**2"}})
    code, said = end(pennate(bids, out, "participant", "--reports-only", "--profile", small))
    assert code == 0, said
    assert (out / "sub-01.html").is_file()
    rows = jobs_of(slurm, before, "%i|%T|%m")
    assert [row[2] for row in rows] == ["400M", "1600M"]
    assert rows[0][1] in ("FAILED", "OUT_OF_MEMORY") and rows[1][1] == "COMPLETED"


def test_too_little_memory_for_good_is_one_sentence(slurm, mapped, profile, pennate):
    bids, out = mapped(1)
    small = profile(set_resources={"report": {"mem_mb": 400}}, retries=0)
    code, said = end(pennate(bids, out, "participant", "--reports-only", "--profile", small))
    assert code == 1, said
    row = pd.read_csv(out / "summary.tsv", sep="\t").iloc[0]
    assert row["status"] == "failed" and row["stage"] == "report"
    sentence = "Memory ran out at the 400 MB that it was given: more by mem_mb in the profile."
    assert row["reason"] == sentence
    assert f"sub-01 failed by report: {sentence}" in said


def test_a_job_that_ran_out_of_time_gets_more(slurm, mapped, profile, pennate):
    before = known(slurm)
    bids, out = mapped(1)
    short = profile(set_resources={"report": {"runtime": "1 * attempt"}})
    slurm.hold.touch()
    process = pennate(bids, out, "participant", "--reports-only", "--profile", short)
    wait_until(lambda: ["TIMEOUT"] in [r[1:] for r in jobs_of(slurm, before)], 240, "time is up")
    slurm.hold.unlink()
    code, said = end(process)
    assert code == 0, said
    rows = jobs_of(slurm, before, "%i|%T|%l")
    assert [row[1:] for row in rows[:2]] == [["TIMEOUT", "1:00"], [rows[1][1], "2:00"]]
    assert rows[-1][1] == "COMPLETED"


def test_jobs_of_a_lost_node_start_again_and_wait_for_one(slurm, mapped, profile, pennate):
    before = known(slurm)
    bids, out = mapped(3)
    slurm.hold.touch()
    process = pennate(bids, out, "participant", "--reports-only", "--profile", profile())

    def states():
        return sorted(row[1] for row in jobs_of(slurm, before))

    wait_until(lambda: states() == ["PENDING", "RUNNING", "RUNNING"], 120, "both nodes are busy")
    for name, state in (("node0", "DRAIN"), ("node1", "DOWN"), ("node1", "DRAIN")):
        slurm.node(name, state)
    wait_until(lambda: states() == ["PENDING", "PENDING", "RUNNING"], 60, "one job waits again")
    slurm.hold.unlink()
    wait_until(lambda: states() == ["COMPLETED", "PENDING", "PENDING"], 240, "the drained one ends")
    assert process.poll() is None
    for name in slurm.node_names:
        slurm.node(name, "RESUME")
    code, said = end(process)
    assert code == 0, said
    assert len(list(out.glob("sub-*.html"))) == 3
    assert len(jobs_of(slurm, before)) == 3, "nothing was sent twice"


def test_a_controller_that_was_away_is_waited_for(slurm, mapped, profile, pennate):
    before = known(slurm)
    bids, out = mapped(1)
    slurm.hold.touch()
    process = pennate(bids, out, "participant", "--reports-only", "--profile", profile())
    wait_until(lambda: jobs_of(slurm, before) != [], 120, "the job is there")
    slurm.stop_controller()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(40)
    slurm.start_controller()
    wait_until(lambda: slurm.run("squeue").returncode == 0, 30, "the controller is back")
    slurm.hold.unlink()
    code, said = end(process)
    assert code == 0, said
    assert len(jobs_of(slurm, before)) == 1


def test_jobs_of_a_killed_run_are_ended_by_the_next(slurm, mapped, profile, pennate):
    before = known(slurm)
    bids, out = mapped(2)
    call = (bids, out, "participant", "--reports-only", "--profile", profile())
    slurm.hold.touch()
    first = pennate(*call)
    running = [["RUNNING"], ["RUNNING"]]
    wait_until(lambda: [r[1:] for r in jobs_of(slurm, before)] == running, 120, "both jobs run")
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    left = known(slurm) - before
    second = pennate(*call)
    wait_until(lambda: len(known(slurm) - before) == 4, 120, "they were sent again")
    states = {row[0]: row[1] for row in jobs_of(slurm, before)}
    assert {states[job] for job in left} == {"CANCELLED"}, "no two write one file"
    slurm.hold.unlink()
    code, said = end(second)
    assert code == 0, said
    assert "2 jobs that an earlier run left behind were ended" in said
    assert len(list(out.glob("sub-*.html"))) == 2
