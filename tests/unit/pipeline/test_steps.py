"""What Snakemake says, as it says it, becomes steps, failures and time left."""

import pytest

from imaging.pipeline.steps import Step, Steps, duration

TABLE = """\
Job stats:
job            count
-----------  -------
participant        1
segment            2
map                2
total              5

"""


def begin(job: int, rule: str, prefix: str) -> str:
    return f"""\
[Mon Nov 30 17:20:53 2026]
localrule {rule}:
    input: in/{prefix}.nii.gz
    output: out/{prefix}.nii.gz
    log: /my logs/logs/{prefix}/{prefix}_{rule}.log
    jobid: {job}
    reason: Missing output files: x
    wildcards: unit={prefix}, prefix={prefix}
    resources: tmpdir=/tmp
"""


def end(job: int, rule: str, done: int) -> str:
    return f"Finished jobid: {job} (Rule: {rule})\n{done} of 5 steps ({done * 20}%) done\n"


def error(job: int, rule: str, prefix: str, message: str = "None") -> str:
    return f"""\
Error in rule {rule}:
    message: {message}
    jobid: {job}
    input: in/{prefix}.nii.gz
    log: /my logs/logs/{prefix}/{prefix}_{rule}.log (check log file(s) for error details)
    shell:
        export X; pennate {rule}
"""


def read(steps: Steps, text: str, now: float) -> list[str]:
    return [said for line in text.splitlines(True) if (said := steps.read(line, now))]


def test_each_step_is_told_when_it_ends_with_the_time_left():
    steps = Steps()
    assert read(steps, TABLE + begin(1, "segment", "sub-01"), 0.0) == []
    assert steps.total == 5 and steps.seconds_left(1.0) is None
    # A map takes in the demo 22/21 of a segmentation: 30 + 2 * 31.4 s are left.
    said = read(steps, end(1, "segment", 1), 30.0)
    assert said == ["1 of 5 steps, segment of sub-01: 30 s, about 93 s left"]
    read(steps, begin(2, "segment", "sub-02"), 30.0)
    assert steps.seconds_left(40.0) == pytest.approx(20 + 2 * 30 * 22 / 21, abs=0.1)
    read(steps, end(2, "segment", 2) + begin(3, "map", "sub-01") + begin(4, "map", "sub-02"), 60.0)
    read(steps, end(3, "map", 3), 100.0)
    assert read(steps, end(4, "map", 4), 100.0) == ["4 of 5 steps, map of sub-02: 40 s"]


def test_more_at_once_take_less_time():
    steps = Steps()
    read(steps, TABLE + begin(1, "segment", "sub-01") + begin(2, "segment", "sub-02"), 0.0)
    read(steps, end(1, "segment", 1) + end(2, "segment", 2), 30.0)
    assert steps.seconds_left(30.0) == pytest.approx(30 * 22 / 21, abs=0.1)


def test_a_failure_has_its_log_and_what_the_engine_says():
    steps = Steps()
    text = begin(3, "segment", "sub-01_ses-a") + error(
        3, "segment", "sub-01_ses-a", "out of memory"
    )
    assert read(steps, text, 0.0) == ["segment of sub-01_ses-a: failed"]
    (failure,) = steps.failures
    log = "sub-01_ses-a/sub-01_ses-a_segment.log"
    assert failure.step == Step("segment", "segment", "sub-01_ses-a", log)
    assert failure.message == "out of memory"


def test_what_a_failure_stops_is_not_waited_for():
    steps = Steps()
    read(steps, TABLE + begin(1, "segment", "sub-01") + begin(2, "segment", "sub-02"), 0.0)
    read(steps, error(2, "segment", "sub-02") + end(1, "segment", 1), 21.0)
    assert steps.seconds_left(21.0) == pytest.approx(22, abs=0.1)


def test_what_ends_well_when_tried_again_has_not_failed():
    steps = Steps()
    read(steps, begin(3, "map", "sub-01") + error(3, "map", "sub-01"), 0.0)
    assert len(steps.failures) == 1
    read(steps, begin(3, "map", "sub-01") + end(3, "map", 1), 9.0)
    assert steps.failures == []


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("died with <Signals.SIGKILL: 9>.", "it was killed, as happens where memory runs out"),
        ("returned non-zero exit status 137.", "it was killed, as happens where memory runs out"),
        ("died with <Signals.SIGTERM: 15>.", "it was ended by SIGTERM"),
        ("returned non-zero exit status 3.", "it ended with exit status 3"),
    ],
)
def test_a_step_that_was_killed_says_so(ending, said):
    steps = Steps()
    log = "/o/logs/sub-01/sub-01_map.log"
    read(steps, f"Command 'x; pennate map --out /o > {log} 2>&1' {ending}\n", 0.0)
    read(steps, error(3, "map", "sub-01"), 0.0)
    assert steps.failures[0].message.startswith(said)


def test_the_group_has_no_prefix():
    steps = Steps()
    text = error(1, "group_report", "x").replace("logs/x/x_group_report.log", "logs/group.log")
    read(steps, text, 0.0)
    assert steps.failures[0].step == Step("group_report", "group", "", "group.log")
    assert str(steps.failures[0].step) == "group page"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (99, "99 s"), (200, "3 min"), (9000, "2 h 30 min")]
)
def test_times_in_words(seconds, words):
    assert duration(seconds) == words


def test_a_cluster_adds_its_own_log_and_what_a_job_was_given():
    steps = Steps()
    beside = "/my logs/out/.pennate/.snakemake/slurm_logs/rule_map/sub-01_sub-01/7.log"
    given = "tmpdir=<TBD>, mem_mb=2000, runtime=60"
    started = begin(1, "map", "sub-01").replace("tmpdir=/tmp", given)
    told = "SLURM-job '7' failed, SLURM status is: 'TIMEOUT'."
    failed = error(1, "map", "sub-01", told).replace("_map.log (", f"_map.log, {beside} (")
    assert read(steps, TABLE + started + failed, 0.0) == ["map of sub-01: failed"]
    (failure,) = steps.failures
    assert failure.step == Step("map", "map", "sub-01", "sub-01/sub-01_map.log")
    assert (failure.message, failure.given, failure.cluster_log) == (told, given, beside)


def test_the_log_of_a_clusters_job_is_shown_and_not_taken_for_what_happens():
    steps = Steps()
    inner = error(0, "map", "sub-01") + "Finished jobid: 1 (Rule: map)\n1 of 1 steps (100%) done\n"
    shown = f"Logfile /logs/7.log:\n{'=' * 80}\nSNAKEMAKE\n=========\n{inner}{'=' * 80}\n"
    text = TABLE + begin(1, "map", "sub-01") + error(1, "map", "sub-01", "gone") + shown
    assert read(steps, text + "Logfile /logs/8.log: empty file\n", 0.0) == ["map of sub-01: failed"]
    assert [failure.message for failure in steps.failures] == ["gone"] and steps.done == 0
    assert read(steps, begin(2, "map", "sub-02") + end(2, "map", 1), 9.0) != []
