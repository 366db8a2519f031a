"""What a condition changes: timing and amplitude of every muscle, with an interval.

Recordings are the units where a condition has several: a linear mixed model with an intercept per
recording (Laird NM, Ware JH. Random-effects models for longitudinal data. Biometrics
1982;38:963-974), and Student's t with the recordings' degrees of freedom, as there are few. With
one recording per condition, strides are the units (Welch), the correlation of neighbouring strides
widens the interval, and what differs between two recordings for another reason, such as a sensor
put on again, cannot be told from the condition; the note says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from imaging.arrays import FloatArray
from imaging.function.serial import Estimate, lag_one, mean_of
from imaging.function.stride_values import ALONE

FEWEST_STRIDES = 3
FEWEST_SUBJECTS = 3
ONE_EACH = "one recording per condition: what else differs between the recordings is in the effect"
COLUMNS = (
    "task", "factor", "level", "against", "label", "muscle", "side", "phase", "outcome", "unit",
    "effect", "ci_low", "ci_high", "p", "p_holm", "n", "recordings", "missing", "method", "note",
)  # fmt: skip
_WHAT = ["label", "muscle", "side", "phase", "outcome"]


def compare(
    values: pd.DataFrame,
    conditions: Mapping[str, Mapping[str, str]],
    tasks: Mapping[str, str],
) -> pd.DataFrame:
    """Return the effect of every level of every factor on every muscle.

    Parameters
    ----------
    values
        One row per stride (see :mod:`imaging.function.stride_values`).
    conditions
        Recording to factor to level. Levels are compared with that of the first recording which
        has the factor.
    tasks
        Recording to what it is of; recordings of different tasks are not compared.

    Returns
    -------
    DataFrame
        `COLUMNS`. `effect` is the level less that `against`, in `unit`; empty with the reason in
        `note` where it cannot be told. `p_holm`: Holm's over all muscles and phases of an outcome.
        `n` strides, `missing` of them without a value.
    """
    rows: list[dict[str, object]] = []
    for task in dict.fromkeys(tasks[t] for t in conditions):
        own = {t: c for t, c in conditions.items() if tasks[t] == task and c}
        design = Design.of(own)
        if not design.contrasts:
            continue
        part = values[values["trial"].isin(list(own))]
        for what, group in part.groupby(_WHAT, sort=True):
            rows += [{"task": task, **row} for row in _compare_one(what, group, design)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return _with_holm(frame)


class Design:
    """Which recordings have which level: one column for all, one per level that is compared.

    Attributes
    ----------
    trials : list of str
    contrasts : list of (factor, level, against)
        One per column of `matrix` but the first.
    matrix : (T, 1 + L) array
    """

    def __init__(
        self, trials: list[str], contrasts: list[tuple[str, str, str]], matrix: FloatArray
    ) -> None:
        self.trials, self.contrasts, self.matrix = trials, contrasts, matrix

    @staticmethod
    def of(conditions: Mapping[str, Mapping[str, str]]) -> Design:
        """Return the design of recordings that have a level of every factor that varies."""
        factors = list(dict.fromkeys(f for c in conditions.values() for f in c))
        varying = [f for f in factors if len({c[f] for c in conditions.values() if f in c}) > 1]
        trials = [t for t, c in conditions.items() if all(f in c for f in varying)]
        contrasts, columns = [], [np.ones(len(trials))]
        for factor in varying:
            levels = list(dict.fromkeys(conditions[t][factor] for t in trials))
            for level in levels[1:]:
                contrasts.append((factor, level, levels[0]))
                columns.append(np.array([float(conditions[t][factor] == level) for t in trials]))
        return Design(trials, contrasts, np.stack(columns, axis=1))

    def among(self, trials: Sequence[str]) -> Design:
        """Return the design of some of the recordings."""
        keep = [i for i, t in enumerate(self.trials) if t in trials]
        return Design([self.trials[i] for i in keep], self.contrasts, self.matrix[keep])


def _compare_one(
    what: Sequence[object], group: pd.DataFrame, design: Design
) -> list[dict[str, object]]:
    """Return one row per contrast of one outcome of one muscle."""
    base = dict(zip(_WHAT, what, strict=True))
    units = list(dict.fromkeys(group["unit"]))
    known = group[np.isfinite(group["value"].to_numpy(float))]
    runs = {
        t: known.loc[known["trial"] == t].sort_values("stride")["value"].to_numpy(float)
        for t in design.trials
    }
    runs = {t: v for t, v in runs.items() if len(v) >= FEWEST_STRIDES}
    own = design.among(list(runs))
    common = {
        **base,
        "unit": units[0],
        "n": sum(len(v) for v in runs.values()),
        "recordings": len(runs),
        "missing": len(group) - len(known),
    }
    why, method, note, estimates = _effects(own, runs)
    if len(units) > 1:
        why = f"recordings have different units: {', '.join(units)}"
    elif units == [ALONE]:
        why = "amplitudes of each recording are relative to itself"
    rows = []
    for i, (factor, level, against) in enumerate(design.contrasts):
        row = {**common, "factor": factor, "level": level, "against": against}
        if why or i not in estimates:
            rows.append({**row, "note": why or f"no recording of {level} with enough strides"})
            continue
        e = estimates[i]
        low, high = e.interval
        found = {"effect": e.value, "ci_low": low, "ci_high": high, "p": e.p}
        rows.append({**row, **found, "method": method, "note": note})
    return rows


def _effects(
    design: Design, runs: Mapping[str, FloatArray]
) -> tuple[str, str, str, dict[int, Estimate]]:
    """Return why not, the method, its note, and the effect of every contrast that is present."""
    present = [i for i in range(len(design.contrasts)) if design.matrix[:, i + 1].any()]
    columns = design.matrix[:, [0, *(i + 1 for i in present)]]
    if not present or len(runs) < 2:
        return f"fewer than {FEWEST_STRIDES} strides in a condition", "", "", {}
    if np.linalg.matrix_rank(columns) < columns.shape[1]:
        names = sorted({design.contrasts[i][0] for i in present})
        if len(names) > 1:
            return f"{' and '.join(names)} change together in the recordings", "", "", {}
        return f"fewer than {FEWEST_STRIDES} strides in a condition", "", "", {}
    series = [runs[t] for t in design.trials]
    if len(series) == columns.shape[1]:
        found = _of_means(columns, series)
        return "", "Welch over strides", ONE_EACH, dict(zip(present, found, strict=True))
    found, method = _of_mixed(columns, series)
    return "", method, "", dict(zip(present, found, strict=True))


def _of_means(columns: FloatArray, series: Sequence[FloatArray]) -> list[Estimate]:
    """Return contrasts of the means of as many recordings as there are columns."""
    rho = lag_one([v - v.mean() for v in series], 1)
    means = [mean_of(v, rho) for v in series]
    found = []
    for weights in np.linalg.inv(columns)[1:]:
        parts = np.array([(w * m.error) ** 2 for w, m in zip(weights, means, strict=True)])
        value = sum(w * m.value for w, m in zip(weights, means, strict=True))
        # Welch BL. Biometrika 1947;34:28-35; Satterthwaite's degrees of freedom.
        shares = parts**2 / np.array([m.freedom for m in means])
        freedom = parts.sum() ** 2 / shares.sum() if shares.sum() > 0 else len(series)
        used = sum(m.n for w, m in zip(weights, means, strict=True) if w)
        found.append(Estimate(float(value), float(np.sqrt(parts.sum())), float(freedom), used))
    return found


def _of_mixed(columns: FloatArray, series: Sequence[FloatArray]) -> tuple[list[Estimate], str]:
    """Return contrasts with an intercept per recording; t with the recordings' freedom."""
    freedom = len(series) - columns.shape[1]
    group = np.repeat(np.arange(len(series)), [len(v) for v in series])
    fit = _fitted(np.concatenate(series), columns[group], group, None)
    if fit is not None:
        values, errors = fit
        method = "mixed model, intercept per recording"
    else:
        # The same for as many strides in each, without a search that can fail.
        means = np.array([v.mean() for v in series])
        inverse = np.linalg.inv(columns.T @ columns)
        values = inverse @ columns.T @ means
        spread = float(((means - columns @ values) ** 2).sum()) / freedom
        errors = np.sqrt(spread * np.diag(inverse))
        method = "means of recordings; the mixed model did not converge"
    n = len(group)
    found = [Estimate(float(v), float(e), freedom, n) for v, e in zip(values, errors, strict=True)]
    return found[1:], method


def _fitted(
    y: FloatArray, design: FloatArray, group: np.ndarray, varying: FloatArray | None
) -> tuple[FloatArray, FloatArray] | None:
    """Return coefficients and their errors by restricted likelihood; None where it fails."""
    # Imported here: it takes a second, and only several recordings per level need a model.
    from statsmodels.regression.mixed_linear_model import MixedLM

    scale = float(y.std())
    if not scale > 0:
        return None
    k = design.shape[1]
    with warnings.catch_warnings():
        # A variance of 0 between recordings is an answer, not a failure; without a curvature
        # there, errors are NaN.
        warnings.simplefilter("ignore")
        try:
            fit = MixedLM(y / scale, design, group, exog_re=varying).fit(reml=True)
        except (np.linalg.LinAlgError, ValueError):
            return None
        values, errors = np.asarray(fit.fe_params)[:k] * scale, np.asarray(fit.bse_fe)[:k] * scale
    if not (fit.converged and np.isfinite(errors).all() and (errors > 0).all()):
        return None
    return values, errors


def _with_holm(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with p corrected for the number of muscles and phases that were tried."""
    frame = frame.copy()
    frame["p_holm"] = np.nan
    known = frame["p"].notna()
    for _, rows in frame[known].groupby(["task", "factor", "level", "outcome"]):
        frame.loc[rows.index, "p_holm"] = holm(rows["p"].to_numpy(float))
    return frame


def holm(p: FloatArray) -> FloatArray:
    """Return p corrected for their number.

    Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65-70.
    """
    order = np.argsort(p)
    left = np.arange(len(p), 0, -1)
    out = np.empty(len(p))
    out[order] = np.minimum(np.maximum.accumulate(p[order] * left), 1.0)
    return out


def compare_subjects(values: pd.DataFrame, against: str) -> pd.DataFrame:
    """Return the effect of a condition across subjects.

    A mixed model with an intercept and an effect of its own for each subject; subjects are the
    units, so their number less one gives the degrees of freedom.

    Parameters
    ----------
    values
        One row per stride: subject, level, label, muscle, side, phase, outcome, value, unit.
    against
        Level that the others are compared with.

    Returns
    -------
    DataFrame
        level, against, label … outcome, unit, effect, ci_low, ci_high, p, p_holm, n (strides),
        subjects, missing, method, note.
    """
    rows = []
    for level in [x for x in dict.fromkeys(values["level"]) if x != against]:
        pair = values[values["level"].isin([level, against])]
        for what, group in pair.groupby(_WHAT, sort=True):
            row = _across(group, level, against)
            base = dict(zip(_WHAT, what, strict=True))
            rows.append(
                {"task": "", "factor": "", "level": level, "against": against, **base, **row}
            )
    columns = ["level", "against", *_WHAT, "unit", "effect", "ci_low", "ci_high", "p", "p_holm"]
    columns += ["n", "subjects", "missing", "method", "note"]
    frame = pd.DataFrame(rows, columns=[*columns, "task", "factor"])
    return _with_holm(frame)[columns]


def _across(group: pd.DataFrame, level: str, against: str) -> dict[str, object]:
    known = group[np.isfinite(group["value"].to_numpy(float))]
    counts = known.groupby(["subject", "level"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=[level, against], fill_value=0)
    both = counts.index[(counts >= FEWEST_STRIDES).all(axis=1)]
    used = known[known["subject"].isin(both)]
    row = {
        "unit": group["unit"].iloc[0],
        "n": len(used),
        "subjects": len(both),
        "missing": len(group) - len(known),
    }
    if len(set(group["unit"])) > 1:
        return {**row, "note": "subjects have different units"}
    if len(both) < FEWEST_SUBJECTS:
        why = f"{len(both)} subjects with both conditions, {FEWEST_SUBJECTS} needed"
        return {**row, "note": why}
    changed = (used["level"] == level).to_numpy(float)
    design = np.column_stack([np.ones(len(used)), changed])
    subject = used["subject"].astype("category").cat.codes.to_numpy()
    fit = _fitted(used["value"].to_numpy(float), design, subject, design)
    if fit is not None:
        value, error = fit[0][1], fit[1][1]
        method = "mixed model, intercept and effect per subject"
    else:
        means = used.groupby(["subject", "level"])["value"].mean().unstack()
        difference = (means[level] - means[against]).to_numpy(float)
        value, error = difference.mean(), difference.std(ddof=1) / np.sqrt(len(both))
        method = "differences of subjects; the mixed model did not converge"
    e = Estimate(float(value), float(error), len(both) - 1, len(used))
    low, high = e.interval
    found = {"effect": e.value, "ci_low": low, "ci_high": high, "p": e.p}
    return {**row, **found, "method": method, "note": ""}
