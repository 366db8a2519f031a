"""All recordings of a session: analysed one by one, then brought together.

Amplitudes of a muscle are relative to one thing in all recordings, and its bursts are named by
phase over all recordings and both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from imaging.config import FunctionSettings
from imaging.errors import RecordingError
from imaging.function import mains, misplaced
from imaging.function.amplitude import (
    Contraction,
    believed,
    contractions,
    on_one_scale,
    unlike_amplitudes,
)
from imaging.function.analysis import Analysis, analyse
from imaging.function.landing_activity import COLUMNS, landings_table
from imaging.function.placing import with_phases
from imaging.function.trials import (
    CYCLIC,
    Trial,
    check_channels,
    plainest_first,
    reference,
    unmatched,
)
from imaging.muscles import side_and_key


@dataclass(frozen=True)
class SessionAnalysis:
    """What was found in the recordings of a session.

    Attributes
    ----------
    trials : tuple of Trial
        In the order of their names, the reference first.
    analyses : dict of trial name to Analysis
        Of every cyclic recording, the reference first.
    reference : str
        Name of the recording that is painted and measured; empty without a cyclic one.
    mvc : dict of label to float
        Amplitude at maximal voluntary contraction, in the unit of the signals.
    contractions : dict of label to Contraction
        The same, with recording and unit.
    warnings : tuple of str
        What could not be compared between recordings.
    landings : DataFrame
        One row per landing and muscle.
    """

    trials: tuple[Trial, ...]
    analyses: Mapping[str, Analysis]
    reference: str
    mvc: Mapping[int, float]
    contractions: Mapping[int, Contraction] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    landings: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))


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
    ordered = sorted(plainest_first(trials), key=lambda t: t is not first)
    told = _settings_of_each(ordered, settings)
    analyses = {
        t.name: analyse(t.recording, told[t.name], t.kind) for t in ordered if t.kind in CYCLIC
    }
    found, no_mvc = contractions(ordered, told)
    mvc, beyond = believed(found, analyses)
    landed, of_landings = landings_table(ordered, told, mvc)
    scaled, unlike = on_one_scale(analyses, mvc, beyond)
    doubts = [
        *mains.sentences(ordered, told),
        *misplaced.sentences(ordered, scaled),
        *unlike_amplitudes(scaled),
        *unmatched(ordered, settings.conditions),
    ]
    return SessionAnalysis(
        tuple(ordered),
        with_phases(scaled),
        first.name if first else "",
        {label: c.amplitude for label, c in mvc.items()},
        mvc,
        (*no_mvc, *_beyond(beyond), *unlike, *doubts, *of_landings),
        landed,
    )


def _beyond(reasons: Mapping[int, str]) -> list[str]:
    return [f"No MVC of {side_and_key(label)}: {why}." for label, why in reasons.items()]


def _settings_of_each(
    trials: Sequence[Trial], settings: FunctionSettings
) -> dict[str, FunctionSettings]:
    """Return settings by recording: with those named channels that it has.

    A recording of one contraction need not hold the channels of the others; a channel that none
    has is an error.
    """
    check_channels(trials, settings.channels)
    told = {}
    for trial in trials:
        own = {k: v for k, v in settings.channels.items() if k in trial.recording.labels}
        told[trial.name] = settings.model_copy(update={"channels": own})
    return told
