"""Entry point of ``pennate``: finds the verb, imports its module, turns errors into exit codes."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence
from io import TextIOWrapper

import typer

from imaging import __version__
from imaging.errors import PennateError

VERBS = {
    "run": "Run the whole workflow on a BIDS folder (BIDS-App arguments).",
    "convert": "Convert a folder of DICOM files to a session of a BIDS folder.",
    "check": "List found, missing and ambiguous inputs, what is not read, and every contradiction.",
    "phantom": "Write a digital leg with known truth as a BIDS data set.",
    "segment": "Label the muscles of an anatomical image.",
    "diffusion": "Clean diffusion-weighted images and fit the tensor.",
    "composition": "Fat fraction from Dixon images, T2 from spin echoes, per muscle.",
    "fibres": "Reconstruct fascicles and their architecture.",
    "elastography": "Stiffness from wave images or ready maps.",
    "ultrasound": "Stiffness from shear-wave colour frames of ultrasound.",
    "function": "Events, envelopes and onsets from a recording.",
    "map": "Join all stages per voxel, fascicle and muscle.",
    "export": "Write meshes, tracts, glTF and the offline viewer.",
    "model": "Write the person's muscles into an OpenSim model, and a table of them.",
    "report": "Write the page of one subject or of a group.",
    "compare": "Compare two visits of one person, and left with right.",
    "train": "Train the segmentation network, or fine-tune it on your labels.",
}
_LISTS = (
    "--participant-label",
    "--participant_label",
    "--session-id",
    "--session-label",
    "--session_label",
)
_TERMINAL = {"add_completion": False, "pretty_exceptions_enable": False, "no_args_is_help": True}


def build_app(verb: str | None) -> typer.Typer:
    """Return the command line with the module of one verb loaded, or with all verbs as a list."""
    app = typer.Typer(name="pennate", **_TERMINAL)  # type: ignore[arg-type]

    @app.callback(epilog="Research use only; not a medical device.")
    def root(
        version: bool = typer.Option(False, "--version", help="Print the version and stop."),
    ) -> None:
        """3-D architectural muscle maps of the lower leg."""

    for name, text in VERBS.items():
        epilog = None
        if name == verb:
            module = importlib.import_module(f"imaging.cli.{name}")
            command, epilog = module.command, getattr(module, "EPILOG", None)
        else:
            command = _placeholder
        app.command(name, help=text, epilog=epilog)(command)
    return app


def _placeholder() -> None:
    """Stand in the list of verbs for a verb that was not called."""


def spread(arguments: Sequence[str]) -> list[str]:
    """Repeat a flag before each of its values: BIDS-Apps take ``--participant-label 01 02``.

    Holds where the positional arguments come first, as BIDS-Apps have them.
    """
    if len(arguments) < 2 or arguments[1].startswith("-"):
        return list(arguments)
    out: list[str] = []
    flag = ""
    for argument in arguments:
        if argument.startswith("-"):
            flag = argument if argument in _LISTS else ""
        elif flag and out[-1] != flag:
            out.append(flag)
        out.append(argument)
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``pennate`` and return its exit code: 0, 1 failed computation, 2 bad input."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if "--version" in arguments:
        print(f"pennate {__version__}")
        return 0
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # paths may hold bytes that are not UTF-8
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    verb = next((a for a in arguments if a in VERBS), None)
    try:
        build_app(verb)(spread(arguments), standalone_mode=True, prog_name="pennate")
    except PennateError as error:
        print(f"pennate {verb or ''}: {error}", file=sys.stderr)
        return error.exit_code
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
