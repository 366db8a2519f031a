"""All recordings of a session: analysed one by one, amplitudes on one scale per muscle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imaging.config import FunctionSettings
from imaging.errors import RecordingError
from imaging.function.analysis import Analysis, analyse
from imaging.function.trials import CYCLIC, Trial, reference


@dataclass(frozen=True)
class SessionAnalysis:
    """What was found in the recordings of a session.

    Attributes
    ----------
    trials : tuple of Trial
        In the order of their names, the reference first.
    analyses : dict of trial name to Analysis
        Of every cyclic recording.
    reference : str
        Name of the recording that is painted and measured; empty without a cyclic one.
    mvc : dict of label to float
        Amplitude at maximal voluntary contraction, in the unit of the signals.
    """

    trials: tuple[Trial, ...]
    analyses: Mapping[str, Analysis]
    reference: str
    mvc: Mapping[int, float]


def analyse_session(trials: Sequence[Trial], settings: FunctionSettings) -> SessionAnalysis:
    """Analyse every recording of a session.

    Raises
    ------
    ConfigError, RecordingError
        Settings or channels that contradict each other.
    """
    names = [t.name for t in trials]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise RecordingError(
            f"several recordings are named {double[0]!r}",
            None,
            "Number them, as run-1 and run-2, or keep one",
        )
    first = reference(trials, settings.trial)
    ordered = sorted(trials, key=lambda t: (t is not first, t.name))
    analyses = {t.name: analyse(t.recording, settings, t.kind) for t in ordered if t.kind in CYCLIC}
    return SessionAnalysis(tuple(ordered), analyses, first.name if first else "", {})
