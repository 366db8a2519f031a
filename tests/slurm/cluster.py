"""A Slurm cluster of this machine alone: munge, controller and nodes in a temporary folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# The step of a job looks here and nowhere else: the plugin keeps SLURM_CONF from it.
DEFAULT_CONF = Path("/etc/slurm/slurm.conf")
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={home}/munge.socket
CredType=cred/munge
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool-%n
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd-%n.pid
SlurmctldLogFile={home}/slurmctld.log
SlurmdLogFile={home}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=1,sched_interval=5,bf_interval=5
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
MinJobAge=300
KillWait=5
TaskProlog={home}/wait.sh
OverTimeLimit=0
InactiveLimit=0
{nodes}
PartitionName={partition} Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Return why no cluster can be started here, or None."""
    if os.geteuid() != 0:
        return "only root can start a Slurm of its own"
    if DEFAULT_CONF.exists():
        return f"this machine belongs to a Slurm already ({DEFAULT_CONF})"
    absent = [name for name in NEEDED if shutil.which(name, path=_PATH) is None]
    return f"Slurm is not installed: {', '.join(absent)}" if absent else None


@dataclass
class Cluster:
    """A running cluster; every daemon is a child of this process and is stopped by its number.

    Attributes
    ----------
    home : Path
        Of configuration, state and logs.
    cpus, memory_mb : int
        Of each node.
    nodes : int
        All of them are this host.
    """

    home: Path
    cpus: int = 2
    memory_mb: int = 12000
    nodes: int = 1
    partition: str = "night"
    _daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _ports: list[int] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Environment of a user of this cluster."""
        return {**os.environ, "PATH": _PATH}

    def start(self) -> None:
        """Start everything and wait until the nodes are idle."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o755)
        (self.home / "state").mkdir()
        write_wait(self.home / "wait.sh", self.hold)
        key = self.home / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        self._ports = free_ports(self.nodes + 1)
        names = self.node_names
        lines = [
            f"NodeName={name} NodeHostname={_host()} NodeAddr=127.0.0.1 Port={port} "
            f"CPUs={self.cpus} RealMemory={self.memory_mb} State=UNKNOWN"
            for name, port in zip(names, self._ports[1:], strict=True)
        ]
        conf = _CONF.format(
            host=_host(), port=self._ports[0], home=self.home, nodes="\n".join(lines),
            partition=self.partition,
        )  # fmt: skip
        (self.home / "slurm.conf").write_text(conf, encoding="ascii")
        DEFAULT_CONF.parent.mkdir(exist_ok=True)
        DEFAULT_CONF.unlink(missing_ok=True)  # of tests that were killed
        DEFAULT_CONF.symlink_to(self.home / "slurm.conf")
        self._spawn(
            "munge", "munged", "--foreground", "--force", f"--key-file={key}",
            f"--socket={self.home}/munge.socket", f"--pid-file={self.home}/munge.pid",
            f"--log-file={self.home}/munge.log", f"--seed-file={self.home}/munge.seed",
        )  # fmt: skip
        wait_until((self.home / "munge.socket").exists, 10, "munge answers")
        self.start_controller()
        for name in names:
            (self.home / f"spool-{name}").mkdir()
            self._spawn(name, "slurmd", "-D", "-N", name)
        wait_until(lambda: self.states() == ["idle"] * self.nodes, 30, "the nodes are idle")

    def start_controller(self) -> None:
        """Start the controller, which keeps its jobs over a stop."""
        self._spawn("controller", "slurmctld", "-D")

    def stop_controller(self) -> None:
        """Kill the controller."""
        process = self._daemons.pop("controller")
        process.kill()
        process.wait()

    @property
    def hold(self) -> Path:
        """File that keeps jobs from going on as long as it is there."""
        return self.home / "hold"

    @property
    def node_names(self) -> list[str]:
        """Names of the nodes."""
        return [f"node{n}" for n in range(self.nodes)]

    def states(self) -> list[str]:
        """Return the state of every node, ``?`` where nobody answers."""
        done = self.run("sinfo", "--noheader", "--Node", "--format=%T")
        return done.stdout.split() if done.returncode == 0 else ["?"]

    def jobs(self, form: str = "%i|%T|%j|%k") -> list[list[str]]:
        """Return all jobs that the controller remembers, as rows of a format of squeue."""
        done = self.run(
            "squeue", "--noheader", "--states=all", "--array", f"--format={form}", "--sort=i"
        )
        return [line.split("|") for line in done.stdout.splitlines()]

    def run(self, *call: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Slurm."""
        return subprocess.run(call, env=self.environment, capture_output=True, text=True)

    def node(self, name: str, state: str) -> None:
        """Set the state of a node, as an administrator does."""
        self.run("scontrol", "update", f"NodeName={name}", f"State={state}", "Reason=test")

    def end_jobs(self) -> None:
        """End all jobs and wait until none is left."""
        ids = [i for i, state, *_ in self.jobs() if state in ("PENDING", "RUNNING", "SUSPENDED")]
        if ids:
            self.run("scancel", "--signal=KILL", *ids)
            self.run("scancel", *ids)
        wait_until(
            lambda: {row[1] for row in self.jobs()}.isdisjoint(
                {"PENDING", "RUNNING", "COMPLETING", "SUSPENDED"}
            ),
            60,
            "no job is left",
        )

    def stop(self) -> None:
        """Stop the daemons, nodes first; nothing else is touched."""
        if "controller" in self._daemons:
            self.end_jobs()
        for name in reversed(list(self._daemons)):
            process = self._daemons.pop(name)
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        DEFAULT_CONF.unlink(missing_ok=True)

    def _spawn(self, name: str, program: str, *arguments: str) -> None:
        with (self.home / f"{name}.out").open("ab") as out:
            self._daemons[name] = subprocess.Popen(
                [program, *arguments], env=self.environment, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, cwd=self.home, start_new_session=True,
            )  # fmt: skip


def write_wait(path: Path, hold: Path, then: str = "") -> None:
    """Write what keeps jobs in their first moment while a file is there."""
    wait = f"#!/bin/sh\nwhile [ -e '{hold}' ]; do sleep 0.2; done\n{then}\n"
    path.write_text(wait, encoding="ascii")
    path.chmod(0o755)


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit code of a process and all that it said."""
    out, err = process.communicate(timeout=900)
    return process.returncode, out + err


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for something to become true.

    Raises
    ------
    TimeoutError
        It did not.
    """
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.2)


def _host() -> str:
    return socket.gethostname().split(".")[0]


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
