"""What Snakemake says while it runs, read line by line: steps, failures, time left."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

# Seconds of a step on the demo's leg: before a step of its kind has ended, the ratios count.
_TYPICAL_S = {
    "segment": 21.0,
    "diffusion": 50.0,
    "fibres": 59.0,
    "composition": 7.0,
    "stiffness_from_waves": 32.0,
    "stiffness_from_map": 5.0,
    "ultrasound": 8.0,
    "waves_in_context": 32.0,
    "frames_in_context": 8.0,
    "contexts": 2.0,
    "function": 10.0,
    "map": 22.0,
    "export": 11.0,
    "model": 20.0,
    "report": 17.0,
    "group_report": 10.0,
    "compare": 8.0,
}
# What a session cannot do any more after a failure; of rules that are not named, the first line.
_LAST = ("map", "export", "model", "report")
_CONTEXTS = ("waves_in_context", "frames_in_context", "contexts")
_WITH_LABELS = (
    "composition", "stiffness_from_waves", "stiffness_from_map", "ultrasound", *_CONTEXTS, *_LAST,
)  # fmt: skip
_AFTER = {
    "segment": ("diffusion", "fibres", *_WITH_LABELS),
    "diffusion": ("fibres", "stiffness_from_waves", "ultrasound", *_CONTEXTS, *_LAST),
    "fibres": ("stiffness_from_waves", "ultrasound", *_CONTEXTS, *_LAST),
    "stiffness_from_waves": ("contexts", *_LAST),
    "ultrasound": ("contexts", *_LAST),
    "waves_in_context": ("contexts", "report"),
    "frames_in_context": ("contexts", "report"),
    "contexts": ("report",),
    "map": ("export", "model", "report"),
    "export": ("report",),
    "model": ("report",),
    "report": (),
    "group_report": (),
    "compare": (),
}
_SESSION = re.compile(r"sub-[A-Za-z0-9]+(?:_ses-[A-Za-z0-9]+)?")
_BEGIN = re.compile(r"(?:local)?rule (\w+):$")
_ERROR = re.compile(r"Error in rule (\w+):$")
_FINISHED = re.compile(r"Finished jobid: (\d+) ")
_DONE = re.compile(r"(\d+) of (\d+) steps ")
_STATISTIC = re.compile(r"(\w+) +(\d+)$")
_ENDED = re.compile(
    r"Command .*/logs/(\S+\.log)\S* 2>&1' "
    r"(?:returned non-zero exit status (?P<status>\d+)|died with <Signals\.(?P<signal>\w+))"
)


@dataclass(frozen=True)
class Step:
    """One call of a verb.

    Attributes
    ----------
    rule : str
        Of the workflow.
    stage, prefix : str
        As its log is named; `prefix` is empty for the group.
    log : str
        Below the folder of logs; empty where the rule has none.
    """

    rule: str
    stage: str
    prefix: str
    log: str

    def __str__(self) -> str:
        return f"{self.stage} of {self.prefix}" if self.prefix else f"{self.stage} page"


@dataclass(frozen=True)
class Failure:
    """A step that failed, and what the engine says of it; empty where it says nothing.

    Attributes
    ----------
    step : Step
    message : str
    given : str
        Memory and time that it was given, as Snakemake writes them.
    cluster_log : str
        Where a cluster keeps what it said of the job; empty where there is none.
    """

    step: Step
    message: str
    given: str = ""
    cluster_log: str = ""


@dataclass
class Steps:
    """The steps of a run, as far as the lines that were read tell."""

    planned: dict[Step, None] = field(default_factory=dict)  # in the order of the plan
    done: int = 0
    total: int = 0
    _started: dict[str, tuple[Step, float]] = field(default_factory=dict)
    _running: set[str] = field(default_factory=set)
    _failed: dict[str, Failure] = field(default_factory=dict)
    _took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _lost: set[tuple[str, str]] = field(default_factory=set)
    _left: Counter[str] = field(default_factory=Counter)
    _ends: dict[str, str] = field(default_factory=dict)
    _given: dict[str, str] = field(default_factory=dict)
    _block: dict[str, str] = field(default_factory=dict)
    _in_table: bool = False
    _rule: str | None = None  # the line that opened a log and will close it
    _begin: float | None = None
    _said: str = ""

    @property
    def failures(self) -> list[Failure]:
        """Return what failed and did not end well when it was tried again."""
        return list(self._failed.values())

    def read(self, line: str, now: float) -> str | None:
        """Take one line in; return a line for people, where there is something to tell.

        Parameters
        ----------
        line
            As Snakemake printed it.
        now
            Seconds of any steady clock.
        """
        line = line.rstrip("\n")
        if self._is_of_a_log(line):
            return None
        if line.startswith("Job stats:"):
            self._in_table = True
        elif self._in_table:
            self._statistic(line)
        elif found := _BEGIN.match(line):
            self._block = {"rule": found[1]}
        elif found := _ERROR.match(line):
            self._block = {"rule": found[1], "failed": "yes"}
        elif self._block and line.startswith("    "):
            return self._detail(*line.strip().partition(": ")[::2], now=now)
        elif found := _FINISHED.match(line):
            self._finish(found[1], now)
        elif found := _DONE.match(line):
            self.done, self.total = int(found[1]), int(found[2])
            return self._progress(now)
        elif found := _ENDED.search(line):
            self._ends[found[1].strip("'")] = _ending(found["status"], found["signal"])
        return None

    def _is_of_a_log(self, line: str) -> bool:
        """Return whether a line is of the log of a failed job, which is shown between two rules.

        That of a cluster is a report of Snakemake itself, on a job of another number.
        """
        if self._rule is None:
            self._rule = "" if line.startswith("Logfile ") and line.endswith(":") else None
        elif not self._rule:
            self._rule = line
        elif line == self._rule:
            self._rule = None
        else:
            return True
        return False

    def _statistic(self, line: str) -> None:
        found = _STATISTIC.match(line)
        if found and found[1] == "total":
            self.total, self._in_table = int(found[2]), False
        elif found and found[1] != "job":
            self._left[found[1]] += int(found[2])

    def _detail(self, key: str, value: str, now: float) -> str | None:
        """Take a line of the block on one job in; the log is named before or after its number."""
        block = self._block
        block[key] = value
        if key == "resources" and "jobid" in block:
            self._given[block["jobid"]] = value
        if not {"jobid", "log"} <= set(block) or key not in ("jobid", "log"):
            return None
        step, job = _step(block["rule"], block["log"]), block["jobid"]
        if "failed" in block:
            self._running.discard(job)
            said = "" if block.get("message", "None") == "None" else block["message"]
            said = said or self._ends.get(step.log, "")
            beside = _logs(block["log"])[1]
            self._failed[job] = Failure(step, said, self._given.get(job, ""), beside)
            self._lose(step)
            return f"{step}: failed"
        self._started[job] = step, now
        self._running.add(job)
        self._begin = now if self._begin is None else self._begin
        self.planned[step] = None
        return None

    def _lose(self, failed: Step) -> None:
        """Count no longer what cannot be done for a session any more."""
        for rule in (failed.rule, *_AFTER.get(failed.rule, _LAST)):
            if (failed.prefix, rule) not in self._lost and self._left[rule] > 0:
                self._lost.add((failed.prefix, rule))
                self._left[rule] -= 1

    def _finish(self, job: str, now: float) -> None:
        self._failed.pop(job, None)
        self._running.discard(job)
        if job in self._started:
            step, start = self._started[job]
            self._took[step.rule].append(now - start)
            self._left[step.rule] -= 1
            self._said = f"{step}: {duration(now - start)}"

    def _progress(self, now: float) -> str | None:
        said, self._said = self._said, ""
        if not said:  # a rule that only asks for files
            return None
        left = self.seconds_left(now)
        rest = f", about {duration(left)} left" if left and self.done < self.total else ""
        return f"{self.done} of {self.total} steps, {said}{rest}"

    def seconds_left(self, now: float) -> float | None:
        """Return about how long the rest will take; None before a step has ended.

        A step takes as long as those of its kind took so far; a kind of which none has ended, as
        long as in the demo times the ratio of what ended to the demo. As many run side by side as
        did so far.
        """
        took = {rule: times for rule, times in self._took.items() if times}
        if not took or self._begin is None:
            return None
        spent = sum(map(sum, took.values()))
        typical = sum(_TYPICAL_S.get(rule, 10.0) * len(times) for rule, times in took.items())
        expected = {
            rule: sum(took[rule]) / len(took[rule])
            if rule in took
            else _TYPICAL_S.get(rule, 10.0) * spent / typical
            for rule, n in self._left.items()
            if n > 0 and rule not in ("all", "participant", "group")
        }
        work = sum(expected[rule] * self._left[rule] for rule in expected)
        going = 0.0
        for job in self._running:
            step, start = self._started[job]
            going += now - start
            work -= min(now - start, expected.get(step.rule, 0.0))
        side_by_side = max(1.0, (spent + going) / max(now - self._begin, 1e-9))
        return max(work, 0.0) / side_by_side


def _step(rule: str, log: str) -> Step:
    """Return the step that has this log: ``.../logs/sub-01/sub-01_segment.log``."""
    below = _logs(log)[0].rpartition("/logs/")[2]
    name = below.rpartition("/")[2].removesuffix(".log")
    found = _SESSION.match(name)
    prefix = found[0] if found else ""
    return Step(rule, name.removeprefix(f"{prefix}_") or name, prefix, below)


def _logs(value: str) -> tuple[str, str]:
    """Return the log of a step, and that of its cluster, which follows after a failure."""
    value = value.removesuffix(" (check log file(s) for error details)")
    own, comma, cluster = value.partition(".log, ")
    return (f"{own}.log", cluster) if comma else (value, "")


def _ending(status: str | None, signal: str | None) -> str:
    """Return what an exit tells: shells add 128 to the number of the signal that killed."""
    if signal == "SIGKILL" or status == "137":
        return "it was killed, as happens where memory runs out: give more by --mem-mb"
    return f"it was ended by {signal}" if signal else f"it ended with exit status {status}"


def duration(seconds: float) -> str:
    """Return a time in words, such as ``14 s``, ``3 min``, ``2 h 05 min``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
