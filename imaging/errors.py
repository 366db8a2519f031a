"""The one tree of named errors.

A message says what is wrong, in which file, and what to do. ``exit_code`` is what the command
line ends with: 2 for bad input, 1 for a computation that failed.
"""

from __future__ import annotations

from os import PathLike


class PennateError(Exception):
    """Root of every error that Pennate raises on purpose."""

    exit_code = 1


class InputError(PennateError):
    """Something given by the user cannot be used.

    Parameters
    ----------
    what
        What is wrong, without a closing full stop.
    path
        The file or folder it is wrong in.
    fix
        What to do about it, without a closing full stop.
    """

    exit_code = 2

    def __init__(self, what: str, path: str | PathLike[str] | None = None, fix: str | None = None):
        self.what, self.path, self.fix = what, path, fix
        message = what if path is None else f"{path}: {what}"
        super().__init__(f"{message}. {fix}." if fix else f"{message}.")

    def __reduce__(
        self,
    ) -> tuple[type[InputError], tuple[str, str | PathLike[str] | None, str | None]]:
        """Let the error travel between processes."""
        return type(self), (self.what, self.path, self.fix)


class MissingFileError(InputError):
    """A file that is needed does not exist or cannot be read."""


class JsonError(InputError):
    """A JSON file is truncated, or does not hold an object."""


class ImageError(InputError):
    """An image is truncated, not finite, of the wrong dimension, or on the wrong grid."""


class GradientTableError(InputError):
    """b-values or b-vectors are missing, of the wrong number, or not unit vectors."""


class LabelError(InputError):
    """A label map is empty, or holds labels that no scheme explains."""


class SideError(InputError):
    """Left and right contradict each other, or cannot be told."""


class UnitError(InputError):
    """A quantity or its unit is not declared, or not one that can be used."""


class RecordingError(InputError):
    """A C3D, EDF or events file cannot be read or contradicts itself."""


class DatasetError(InputError):
    """A BIDS folder holds nothing usable, or its files contradict each other."""


class ConfigError(InputError):
    """A setting is unknown, of the wrong type, or out of range."""


class OutputError(InputError):
    """The output folder cannot be written."""


class DiskFullError(OutputError):
    """A disk or a quota is full: no fault of the input, so the same call works once there is room.

    Parameters
    ----------
    path
        The folder that could not be written.
    reason
        As the system gives it.
    """

    exit_code = 1

    def __init__(self, path: str | PathLike[str], reason: str = "No space left on device"):
        self.reason = reason
        super().__init__(
            f"the disk is full ({reason})", path, "Make room there and start again: nothing is lost"
        )

    def __reduce__(self) -> tuple[type[DiskFullError], tuple[str | PathLike[str] | None, str]]:  # type: ignore[override]
        """Let the error travel between processes."""
        return type(self), (self.path, self.reason)


class MissingToolError(InputError):
    """An optional program or package is needed and not installed."""


class ComputationError(PennateError):
    """A computation did not converge or gave nothing usable."""
