"""Several calls in one process that may load OpenSim."""

from collections.abc import Callable, Sequence
from typing import Any

from imaging.errors import PennateError


def messages(calls: Sequence[tuple[Callable[..., Any], tuple[Any, ...]]]) -> list[str]:
    """Return the class and the message of the error that each call raises."""
    said = []
    for function, arguments in calls:
        try:
            function(*arguments)
            said.append("nothing was raised")
        except PennateError as error:
            said.append(f"{type(error).__name__}: {error}")
    return said
