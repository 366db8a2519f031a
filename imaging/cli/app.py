"""Entry point of ``pennate``: finds the verb, imports its module, turns errors into exit codes."""

from __future__ import annotations

import importlib
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper

import typer

from imaging import __version__
from imaging.disk import let_go, trouble
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
    "contexts": "Compare stiffness at rest, contracted, after fatigue, and left with right.",
    "train": "Train the segmentation network, or fine-tune it on your labels.",
}
_LISTS = ("--participant-label", "--session-id")
# Names that other BIDS-Apps have for our options.
_ALIASES = {
    "--session-label": "--session-id",
    "--skip-bids-validator": "--skip-bids-validation",
    "--n-cpus": "--nprocs",
    "--dryrun": "--dry-run",
}
_POSITIONAL = {"run": 3, "check": 1}  # arguments of verbs that take such lists
_TERMINAL = {
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "no_args_is_help": True,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


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


def as_bids_app(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of ``run`` and ``check`` as Typer takes them.

    BIDS-Apps write options with underscores too, and several values after one flag
    (``--participant-label 01 02``): the flag is repeated before each. Where it comes before the
    positional arguments, the last ones of the line are these. The bare call, which containers get
    (``/data /out participant``), is ``run``.
    """
    if {"participant", "group"} & {*arguments} and arguments[0].startswith(("/", ".", "-")):
        arguments = ["run", *arguments]
    if not arguments or arguments[0] not in _POSITIONAL:
        return list(arguments)
    first = len(arguments) > 1 and arguments[1].startswith("-")
    last = _POSITIONAL[arguments[0]] if first else 0
    out: list[str] = []
    flag, values = "", 0
    for place, argument in enumerate(arguments):
        if argument.startswith("-"):
            name, equals, value = argument.partition("=")
            if name.startswith("--"):
                name = name.replace("_", "-")
                name = _ALIASES.get(name, name)
            flag, values = (name, len(equals)) if name in _LISTS else ("", 0)
            argument = f"{name}{equals}{value}"
        elif flag and values and len(arguments) - place <= last:
            flag = ""
        elif flag:
            out += [flag] if values else []
            values += 1
        out.append(argument)
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``pennate`` and return its exit code: 0, 1 failed computation, 2 bad input."""
    if arguments is None:  # a process of its own: a polite end clears up, as Ctrl-C does
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # `train` has a --version of its own, which is followed by one.
    if arguments[:1] in (["--version"], ["-v"]) or arguments[-1:] == ["--version"]:
        print(f"pennate {__version__}")
        return 0
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # paths may hold bytes that are not UTF-8
            stream.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    arguments = as_bids_app(arguments)
    verb = next((a for a in arguments if a in VERBS), None)
    try:
        build_app(verb)(arguments, standalone_mode=True, prog_name="pennate")
    except PennateError as error:
        return _say(verb, error)
    except OSError as error:
        if (known := trouble(error)) is None:
            raise
        return _say(verb, known)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    return 0


def _say(verb: str | None, error: PennateError) -> int:
    """Print an error; return the exit code."""
    let_go(error)
    # The summary of a study tells by this word whether the input or a computation is at fault.
    failed = " failed" if error.exit_code == 1 else ""
    with suppress(OSError):  # where standard error goes to a full disk
        print(f"pennate {verb or ''}{failed}: {error}", file=sys.stderr)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
