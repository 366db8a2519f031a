"""A Grid Engine of this machine alone: master and one node in a temporary folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from cluster import free_ports, wait_until, write_wait

NEEDED = ("sge_qmaster", "sge_execd", "qsub", "qconf")
_LIBRARY = Path("/usr/lib/gridengine")
_SHARE = Path("/usr/share/gridengine")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

_BOOTSTRAP = """\
admin_user none
default_domain none
ignore_fqdn true
spooling_method classic
spooling_lib libspoolc
spooling_params {common};{spool}/qmaster
binary_path /usr/sbin
qmaster_spool_dir {spool}/qmaster
security_mode none
listener_threads 2
worker_threads 2
scheduler_threads 1
"""
_HOSTS = "group_name @allhosts\nhostlist {host}\n"
_PARALLEL = """\
pe_name {name}
slots 99
user_lists NONE
xuser_lists NONE
start_proc_args NONE
stop_proc_args NONE
allocation_rule $pe_slots
control_slaves FALSE
job_is_first_task TRUE
urgency_slots min
accounting_summary FALSE
qsort_args NONE
"""
_CHANGED = {"execd_spool_dir": "{spool}/execd", "min_uid": "0", "min_gid": "0"}


def missing() -> str | None:
    """Return why none can be started here, or None."""
    if os.geteuid() != 0:
        return "only root can start a Grid Engine of its own"
    absent = [name for name in NEEDED if shutil.which(name, path=_PATH) is None]
    return f"Grid Engine is not installed: {', '.join(absent)}" if absent else None


@dataclass
class GridEngine:
    """A running Grid Engine; its two daemons are children of this process."""

    home: Path
    slots: int = 2
    _daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _ports: list[int] = field(default_factory=lambda: free_ports(2))

    @property
    def environment(self) -> dict[str, str]:
        """Environment of a user."""
        own = {
            "PATH": _PATH, "SGE_ROOT": str(self.home / "root"), "SGE_CELL": "default",
            "SGE_QMASTER_PORT": str(self._ports[0]), "SGE_EXECD_PORT": str(self._ports[1]),
            "SGE_ND": "1",
        }  # fmt: skip
        return {**os.environ, **own}

    @property
    def hold(self) -> Path:
        """File that keeps jobs from going on as long as it is there."""
        return self.home / "hold"

    def start(self) -> None:
        """Start both daemons and make a queue."""
        root, spool, host = self.home / "root", self.home / "spool", socket.gethostname()
        common = root / "default" / "common"
        for folder in (common, spool / "qmaster/job_scripts", spool / "execd"):
            folder.mkdir(parents=True)
        for name in ("bin", "lib", "util", "utilbin"):
            (root / name).symlink_to(Path("/var/lib/gridengine") / name)
        (common / "act_qmaster").write_text(f"{host}\n")
        (common / "host_aliases").write_text(f"{host} localhost\n")
        (common / "bootstrap").write_text(_BOOTSTRAP.format(common=common, spool=spool))
        lines = (_SHARE / "default-configuration").read_text().splitlines()
        lines = [
            f"{key} {_CHANGED[key].format(spool=spool)}" if key in _CHANGED else line
            for line in lines
            for key in [line.partition(" ")[0]]
        ]
        (self.home / "configuration").write_text("\n".join(lines) + "\n")
        templates = _SHARE / "util" / "resources"
        made = [str(_LIBRARY / "spooldefaults")]
        self.run(
            str(_LIBRARY / "spoolinit"), "classic", "libspoolc", f"{common};{spool}/qmaster", "init"
        )
        self.run(*made, "configuration", str(self.home / "configuration"))
        self.run(*made, "complexes", str(templates / "centry"))
        self.run(*made, "usersets", str(templates / "usersets"))
        self.run(*made, "managers", "root")
        self._spawn("sge_qmaster")
        wait_until(lambda: self.run("qconf", "-sh", check=False).returncode == 0, 30, "it answers")
        self.run("qconf", "-as", host)
        self._spawn("sge_execd")
        wait_until(lambda: host in self.run("qconf", "-sel", check=False).stdout, 30, "a node")
        self._add("-Ahgrp", _HOSTS.format(host=host))
        for name in ("smp", "mpi", "make"):  # a new queue names them all
            self._add("-Ap", _PARALLEL.format(name=name))
        write_wait(self.home / "wait.sh", self.hold, 'exec /bin/bash "$@"')
        # The editor that qconf starts is told to leave what it is shown.
        self.run("qconf", "-aq", "all.q", editor="true")
        for key, value in (
            ("hostlist", "@allhosts"), ("slots", str(self.slots)),
            ("load_thresholds", "NONE"), ("shell_start_mode", "unix_behavior"),
            ("starter_method", str(self.home / "wait.sh")),
        ):  # fmt: skip
            self.run("qconf", "-rattr", "queue", key, value, "all.q")

    def run(
        self, *call: str, check: bool = True, editor: str = "true"
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of Grid Engine."""
        environment = {**self.environment, "EDITOR": editor}
        return subprocess.run(call, env=environment, capture_output=True, text=True, check=check)

    def jobs(self) -> dict[str, str]:
        """Return the state of every job that has not ended, by number."""
        rows = [line.split() for line in self.run("qstat").stdout.splitlines()[2:]]
        return {row[0]: row[4] for row in rows}

    def stop(self) -> None:
        """End all jobs and stop the daemons."""
        if self.jobs():
            self.run("qdel", "-f", *self.jobs(), check=False)
            time.sleep(2)
        for process in reversed(self._daemons):
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _add(self, option: str, text: str) -> None:
        path = self.home / "new"
        path.write_text(text, encoding="ascii")
        self.run("qconf", option, str(path))

    def _spawn(self, program: str) -> None:
        with (self.home / f"{program}.out").open("ab") as out:
            self._daemons.append(
                subprocess.Popen(
                    [program], env=self.environment, stdin=subprocess.DEVNULL, stdout=out,
                    stderr=out, cwd=self.home, start_new_session=True,
                )
            )  # fmt: skip
