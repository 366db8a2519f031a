"""What is wrong with a setting, in one sentence of ours: from pydantic's findings."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

_NEAR = 0.6  # likeness from which a name is offered, as difflib counts it
_LONGEST = 40  # characters of a wrong value that are shown
_KINDS = {
    "string": "text (in quotes, where it looks like a number)",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dict": "a table of names and values",
    "model": "a table of settings",
    "finite_number": "a finite number",
}
_FILE = "See config/default.yaml"
_BOUNDS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}


def wording(error: Mapping[str, Any], model: type[BaseModel]) -> tuple[str, str]:
    """Return what is wrong, and what to do about it.

    Parameters
    ----------
    error
        One of the errors of a pydantic `ValidationError`.
    model
        The settings that were checked.
    """
    place = [str(part) for part in error["loc"]]
    kind, context = str(error["type"]), error.get("ctx", {})
    fix = _FILE
    if kind == "extra_forbidden":
        return "there is no such setting", _near(place, model)
    if kind == "missing":
        return "this setting is needed and not given", fix
    shown = _shown(error["input"])
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"must be {words} {context[key]}, not {shown}", fix
    if kind == "literal_error":
        return f"must be {context['expected']}, not {shown}", _like(error["input"], context)
    if kind in ("too_short", "too_long"):
        few = context.get("min_length", context.get("max_length"))
        words = "at least" if kind == "too_short" else "at most"
        return f"must hold {words} {few} values, not {context['actual_length']}", fix
    if kind == "invalid_key":
        return "a setting must have a name, not a number", fix
    wanted = next((w for start, w in _KINDS.items() if kind.startswith(start)), None)
    if wanted:
        return f"must be {wanted}, not {shown}", fix
    return f"cannot be {shown}", fix


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    text = repr(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def _like(value: object, context: Mapping[str, Any]) -> str:
    """Return the near one of the words that are allowed."""
    allowed = [
        word.strip("' ") for word in str(context["expected"]).replace(" or ", ",").split(",")
    ]
    near = difflib.get_close_matches(str(value), allowed, n=1, cutoff=_NEAR)
    return f"Is {near[0]} meant? {_FILE}" if near else _FILE


def _near(place: list[str], model: type[BaseModel]) -> str:
    """Return which setting may be meant: of this section, else the same one of another section."""
    *above, name = place
    here: type[BaseModel] = model
    for part in above:
        field = here.model_fields.get(part)
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        here = inner
    if near := _closest(name, here.model_fields):
        return f"Is {'.'.join([*above, near])} meant? {_FILE}"
    sections = {
        section: field.annotation
        for section, field in model.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
    for section, inner in sections.items():
        if near := _closest(name, inner.model_fields):
            return f"Is {section}.{near} meant? {_FILE}"
    return "See config/default.yaml for those there are"


def _closest(name: str, names: Iterable[str]) -> str | None:
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=_NEAR)
    return found[0] if found else None
