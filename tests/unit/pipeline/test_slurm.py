"""What Slurm and its plugin say becomes a sentence; what a profile leaves out is added."""

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from imaging.errors import ComputationError, ConfigError, MissingToolError
from imaging.pipeline import slurm

PLUGIN = (
    "SLURM-job '5' failed, SLURM status is: '{}'. Detailed failure reason unavailable (status"
    " command is not 'sacct').For further error details see the cluster/cloud log and the log"
    " files of the involved rule(s)."
)
GIVEN = "tmpdir=<TBD>, disk_mb=1000, mem_mb=1525, mem=1.52 GB, mem_mib=1455, runtime=60"


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Return a function that puts commands, alone, on the path."""
    folder = tmp_path / "commands"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def command(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return command


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("OUT_OF_MEMORY", "memory ran out at the 1525 MB that it was given"),
        ("TIMEOUT", "it was not done in the 60 min that it was given"),
        ("NODE_FAIL", "the node that it ran on failed"),
        ("CANCELLED", "its job was cancelled"),
    ],
)
def test_states_are_told_in_words(state, said):
    assert slurm.reason(PLUGIN.format(state), GIVEN, None).startswith(said)


def test_a_job_that_just_failed_ran_out_of_memory_where_its_log_says_so(tmp_path):
    log = tmp_path / "rule_report" / "sub-01" / "5.log"
    log.parent.mkdir(parents=True)
    log.write_text("slurmstepd: error: StepId=5.0 exceeded memory limit (2 > 1), being killed\n")
    message = PLUGIN.format("FAILED")
    assert slurm.reason(message, GIVEN, log).startswith("memory ran out at the 1525 MB")
    task = log.parent.parent / "6_2.log"
    task.write_text("slurmstepd: error: Detected 1 oom_kill event in StepId=6.batch\n")
    beside = log.with_name(task.name)  # where the plugin thinks that it is
    assert slurm.reason(message, GIVEN, beside).startswith("memory ran out")
    log.write_text("Error in rule report\n")
    assert slurm.reason(message, GIVEN, log) == f"its job failed on the cluster: see {log}"


def test_a_job_that_was_not_taken():
    message = (
        "SLURM sbatch failed. The error message was 'sbatch: error: Batch job submission failed: "
        "Invalid partition name specified'."
    )
    said = (
        "Slurm does not take the job: Batch job submission failed: Invalid partition name specified"
    )
    assert slurm.reason(message, GIVEN, None) == said


def test_words_that_are_not_of_a_cluster_stay_as_they_are():
    assert slurm.reason("it was killed", GIVEN, None) == ""
    assert slurm.reason("", "", None) == ""


def test_without_accounting_the_queue_is_asked(path, tmp_path):
    path("sacct", "exit 0")
    assert slurm.environment(tmp_path) == {}
    path("sacct", "echo Slurm accounting storage is disabled >&2; exit 1")
    path("squeue", 'echo "$@"')
    before = os.environ["PATH"]
    changed = slurm.environment(tmp_path)
    assert changed == {"PATH": f"{tmp_path}/commands:{before}"}
    call = [tmp_path / "commands" / "sacct", "-X", "--format=JobIdRaw,State", "--name", "run_1"]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.stdout.split() == [
        "--array", "--states=all", "--noheader", "--format=%i|%T", "--name", "run_1"
    ]  # fmt: skip
    assert subprocess.run([*call[:1], "-j", "7"], capture_output=True).stdout == b""


def test_arrays_are_sent_whole():
    call = slurm.options({"slurm-array-jobs": "report", "jobs": 50}, Path("/data/maps"))
    assert call[call.index("--jobs") + 1] == "100000"
    assert call[call.index("--slurm-status-command") + 1] == "squeue"


def test_what_a_profile_says_is_left_to_it():
    call = slurm.options({"slurm-status-attempts": 3, "jobs": 7}, Path("/data/maps"))
    assert not {"--jobs", "--slurm-status-attempts", "--slurm-status-command"} & set(call)
    assert call[-2:] == ["--slurm-jobname-prefix", slurm.run_name(Path("/data/maps"))]


def test_jobs_of_an_earlier_run_are_ended_and_no_others(path, tmp_path):
    name = slurm.run_name(tmp_path)
    queue, ended = tmp_path / "queue", tmp_path / "ended"
    queue.write_text(f"7|{name}_a-b\n7|{name}_a-b\n8|{slurm.run_name(Path('/x'))}_c\n9|mine\n")
    path("squeue", f"/bin/cat '{queue}'")
    path("scancel", f"echo $@ > '{ended}'; : > '{queue}'")
    assert slurm.end_earlier_jobs(tmp_path) == 1
    assert ended.read_text() == "7\n"
    assert slurm.end_earlier_jobs(tmp_path) == 0


def test_a_machine_without_slurm_and_one_that_does_not_answer(path):
    if find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("the extra slurm is not installed")
    with pytest.raises(MissingToolError, match="no sbatch"):
        slurm.require_slurm()
    for name in ("sbatch", "scancel"):
        path(name, "exit 0")
    path("squeue", "exit 0")
    path("scontrol", "echo 'MinJobAge = 60 sec'")
    with pytest.raises(ComputationError, match="forgets a job 60 s after its end"):
        slurm.require_slurm()
    path("sacct", "exit 0")
    slurm.require_slurm()
    path("squeue", "echo Unable to contact slurm controller >&2; exit 1")
    with pytest.raises(ComputationError, match=r"does not answer .squeue.: Unable to contact"):
        slurm.require_slurm()


def test_profiles_that_cannot_be_used(tmp_path):
    with pytest.raises(ConfigError, match=r"holds no config\.yaml"):
        slurm.profile_settings(tmp_path)
    (tmp_path / "config.yaml").write_text("- a list\n")
    with pytest.raises(ConfigError, match="holds no settings"):
        slurm.profile_settings(tmp_path)
    (tmp_path / "config.yaml").write_text("executor: slurm\njobs: 3\n")
    assert slurm.profile_settings(tmp_path)["executor"] == "slurm"
