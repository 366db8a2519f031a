"""A study on Slurm, with nothing set by hand: what it gives is what one machine gives."""

import pandas as pd
import pytest
from cluster import end
from studies import labelled, noise

from imaging.provenance import sha256

pytestmark = [pytest.mark.slow, pytest.mark.slurm, pytest.mark.usefixtures("tidy")]


def results(out):
    """Return digests of what a run wrote, without its state and what it measured."""
    files = (p.relative_to(out) for p in sorted(out.rglob("*")) if p.is_file())
    kept = [p for p in files if p.parts[0] not in (".pennate", "logs")]
    return {p.as_posix(): sha256(out / p) for p in kept}


def test_a_study_on_slurm_gives_the_bytes_of_one_machine(pennate, tmp_path):
    bids = labelled(tmp_path / "bids", ["01"])
    noise(bids, "02")
    out, here = tmp_path / "out", tmp_path / "here"
    code, said = end(pennate(bids, out, "participant", "--profile", "slurm"))
    assert code == 2, said
    assert "sub-02 refused by segment: " in said and "shows no leg" in said
    code, said = end(pennate(bids, here, "participant", "--nprocs", "2"))
    assert code == 2, said
    assert results(out) == results(here)
    table = pd.read_csv(out / "summary.tsv", sep="\t")
    assert table["status"].tolist() == ["finished", "refused"]
    assert (out / "sub-01" / "export" / "sub-01_viewer.html").is_file()
    steps = pd.read_csv(out / "logs" / "resources.tsv", sep="\t")
    assert set(steps["stage"]) >= {"segment", "map", "export", "report"}


def test_pages_are_made_by_one_array(slurm, mapped, profile, pennate):
    before = {row[0] for row in slurm.jobs()}
    bids, out = mapped(3)
    arrays = profile(slurm_array_jobs="report")
    code, said = end(pennate(bids, out, "participant", "--reports-only", "--profile", arrays))
    assert code == 0, said
    assert len(list(out.glob("sub-*.html"))) == 3
    new = [row[0] for row in slurm.jobs() if row[0] not in before]
    array = new[0].partition("_")[0]
    assert new == [f"{array}_{n}" for n in (1, 2, 3)]
