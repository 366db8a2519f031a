"""Parameters of muscles in a model, generic and personal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imaging.measures import Status

#: Other than the generic value by more than this factor: flagged.
IMPLAUSIBLE_FACTOR = 2.0
UNITS: Mapping[str, str] = {
    "optimal_fibre_length": "mm", "pennation_at_optimal": "deg", "tendon_slack_length": "mm",
    "max_isometric_force": "N", "rest_fibre_length_norm": "1", "rest_passive_share": "1",
}  # fmt: skip
LENGTHS = ("optimal_fibre_length", "pennation_at_optimal", "tendon_slack_length")


@dataclass(frozen=True)
class ModelMuscle:
    """A muscle as a model has it, and what it does at rest in the scan's pose.

    Attributes
    ----------
    name : str
        In the model.
    optimal_fibre_length_mm, pennation_at_optimal_deg, tendon_slack_length_mm : float
        Lengths and angle.
    max_isometric_force_n : float
        Along the fibre.
    path_length_mm : float
        Origin to insertion.
    rest_fibre_length_norm : float
        Fibre length over optimal fibre length.
    rest_passive_share : float
        Passive force along the fibre over maximal force.
    """

    name: str
    optimal_fibre_length_mm: float
    pennation_at_optimal_deg: float
    tendon_slack_length_mm: float
    max_isometric_force_n: float
    path_length_mm: float
    rest_fibre_length_norm: float
    rest_passive_share: float

    @property
    def fibre_length_mm(self) -> float:
        """Fibre length at rest in the scan's pose."""
        return self.optimal_fibre_length_mm * self.rest_fibre_length_norm

    def value(self, parameter: str) -> float:
        """Return a parameter by its name in the table, in the unit of the table."""
        unit = {"mm": "_mm", "deg": "_deg", "N": "_n", "1": ""}[UNITS[parameter]]
        return float(getattr(self, parameter + unit))


@dataclass(frozen=True)
class Parameter:
    """One parameter of one muscle, generic and personal.

    Attributes
    ----------
    label : int
        In the map.
    muscle : str
        Name in the model; empty without a model.
    parameter, unit : str
        See ``UNITS``.
    generic, value : float or None
        In the given model; of the person (None with status ``not_measured``).
    ci_low, ci_high, sd : float or None
        95 % interval of the person's value, and spread over fascicles.
    n : int or None
        Fascicles.
    status : str
        The weakest of what it rests on.
    in_model : bool
        Whether the personal value stands in the personal model.
    note : str
        Assumption, or why there is no value.
    """

    label: int
    muscle: str
    parameter: str
    unit: str
    generic: float | None
    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    sd: float | None = None
    n: int | None = None
    status: Status = "assumed"
    in_model: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Personal over generic value; None where either is missing or the generic one is 0."""
        return None if self.value is None or not self.generic else self.value / self.generic

    @property
    def is_implausible(self) -> bool:
        """Whether it differs from the generic value by more than a factor of 2."""
        ratio = None if self.parameter.startswith("rest_") else self.ratio
        return ratio is not None and not 1 / IMPLAUSIBLE_FACTOR <= ratio <= IMPLAUSIBLE_FACTOR
