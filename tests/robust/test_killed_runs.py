"""A whole run that is killed, stopped or met by another: the same bytes, nothing left behind."""

import os
import signal
import subprocess
import time

import numpy as np
import pytest
from results_of_runs import ended, results

pytestmark = [pytest.mark.slow, pytest.mark.robust]
KILLS, FRESH = 20, 2  # of them, those into an empty folder


def wait(process, seconds):
    """Return whether a run still goes on after some seconds."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def kill(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def nothing_half_written(out):
    return not [p for p in out.rglob("*") if ".partial-" in p.name]


def in_place(out):
    """Return the digests of what lies in place: all of it is whole."""
    return {n: d for n, d in results(out).items() if ".partial-" not in n}


def test_killed_at_twenty_moments_it_ends_with_the_same_bytes(
    pennate_run, undisturbed, tmp_path
):  # fmt: skip
    whole, takes = undisturbed
    expected = results(whole)
    rng = np.random.default_rng(16)
    out = tmp_path / "out"
    for share in np.sort(rng.uniform(0.02, 0.98, FRESH)):
        process = pennate_run(tmp_path / "fresh")
        if wait(process, share * takes):
            kill(process)
        assert in_place(tmp_path / "fresh").items() <= expected.items(), share
        subprocess.run(["rm", "-rf", tmp_path / "fresh"], check=True)
    ends = 0
    for seconds in rng.uniform(0.02, 0.2, KILLS - FRESH) * takes:
        process = pennate_run(out)
        if wait(process, seconds):
            kill(process)
        else:
            ends += 1
        assert in_place(out).items() <= expected.items(), seconds
    code, said, errors = ended(pennate_run(out))
    assert code == 0, said + errors
    assert results(out) == expected
    assert nothing_half_written(out)
    assert ends < KILLS - FRESH, "no run was killed"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("whom", ["the command", "the group"])
def test_stopped_politely_it_is_one_sentence_and_goes_on(
    number, whom, pennate_run, undisturbed_light, study, tmp_path
):  # fmt: skip
    whole, takes = undisturbed_light
    out = tmp_path / "out"
    process = pennate_run(out, bids=study / "light")
    assert wait(process, 0.4 * takes), "it ended before it was stopped"
    start = time.perf_counter()
    if whom == "the command":
        process.send_signal(number)
    else:
        os.killpg(process.pid, number)
    code, _, errors = ended(process, 120)
    assert time.perf_counter() - start < 60
    assert code == 1
    said = [line for line in errors.splitlines() if line.startswith("pennate ")]
    assert said == ["pennate run failed: the run was interrupted: start it again, and it goes on "
                    "from here"]  # fmt: skip
    assert "Traceback" not in errors
    assert nothing_half_written(out)
    running = subprocess.run(["pgrep", "-f", str(out)], capture_output=True, text=True).stdout
    assert not running, "steps go on"
    code, said, errors = ended(pennate_run(out, bids=study / "light"))
    assert code == 0, said + errors
    assert results(out) == results(whole)


def test_a_second_run_is_refused_and_harms_nothing(pennate_run, undisturbed_light, study, tmp_path):
    whole, _ = undisturbed_light
    out = tmp_path / "out"
    first = pennate_run(out, bids=study / "light")
    deadline = time.monotonic() + 120
    while not (out / ".pennate" / "lock").is_file() and time.monotonic() < deadline:
        time.sleep(0.1)
    code, _, errors = ended(pennate_run(out, bids=study / "light"), 300)
    assert code == 2, errors
    (said,) = [line for line in errors.splitlines() if line.startswith("pennate run")]
    assert f"is being written by another run (process {first.pid} on " in said
    code, said, errors = ended(first)
    assert code == 0, said + errors
    assert results(out) == results(whole)
