"""The same workflow on another engine: Grid Engine, by the plugin for clusters of any kind."""

import pytest
from cluster import end, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.slurm]


def test_a_study_runs_and_a_job_that_was_deleted_runs_again(engine, mapped, pennate, tmp_path):
    bids, out = mapped(2)
    engine.hold.touch()
    process = pennate(
        bids, out, "participant", "--reports-only", "--profile", "gridengine",
        environment=engine.environment,
    )  # fmt: skip
    wait_until(lambda: list(engine.jobs().values()) == ["r", "r"], 120, "both jobs run")
    first, _ = sorted(engine.jobs())
    engine.run("qdel", first)
    wait_until(lambda: first not in engine.jobs(), 60, "one is deleted")
    engine.hold.unlink()
    code, said = end(process)
    assert code == 0, said
    assert "2 of 2 sessions finished" in said
    told = engine.run("qacct", "-j", first).stdout
    assert "\nfailed       100" in told or "\nexit_status  137" in told
    assert engine.run("qacct", "-j", "3").stdout.count("exit_status  0") == 1
    pages = {p.name: p.read_bytes() for p in out.glob("*.html")}
    assert len(pages) == 2
    for page in out.glob("*.html"):
        page.unlink()
    again = pennate(bids, out, "participant", "--reports-only", "--nprocs", "2")
    assert end(again)[0] == 0
    assert {p.name: p.read_bytes() for p in out.glob("*.html")} == pages
