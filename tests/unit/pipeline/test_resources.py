"""Measurements beside the logs become one table."""

import pytest

from imaging.pipeline.resources import DICTIONARY, resources

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
LINE = "14.55\t0:00:14\t1050.92\t1864.14\t978.84\t996.33\t0.29\t1.29\t94.01\t14.17\n"


def test_a_row_for_each_step(tmp_path):
    (tmp_path / "sub-01/ses-a").mkdir(parents=True)
    (tmp_path / "sub-01/ses-a/sub-01_ses-a_fibres.tsv").write_text(HEAD + LINE)
    (tmp_path / "sub-02_report.tsv").write_text(HEAD + LINE.replace("1050.92", "-"))
    (tmp_path / "group.tsv").write_text(HEAD + LINE)
    (tmp_path / "cut.tsv").write_text(HEAD)
    (tmp_path / "empty.tsv").write_text("")
    (tmp_path / "resources.tsv").write_text(HEAD + LINE)
    table = resources(tmp_path)
    assert list(table) == list(DICTIONARY)
    assert table["stage"].tolist() == ["group", "fibres", "report"]
    assert table["participant_id"].fillna("").tolist() == ["", "sub-01", "sub-02"]
    assert table["session_id"].fillna("").tolist() == ["", "ses-a", ""]
    assert table["max_memory_mb"].tolist() == pytest.approx(
        [1050.92, 1050.92, float("nan")], nan_ok=True
    )
    assert table["cpu_s"].tolist() == [14.17] * 3


def test_nothing_measured(tmp_path):
    assert resources(tmp_path).empty
