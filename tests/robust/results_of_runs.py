"""What a run leaves, and how it ended."""

from pathlib import Path

SMALL = ("composition", "function", "map", "export", "report")
# Everything that takes long and that no fault depends on is left out.
QUICK = {
    "diffusion": {"denoise": False, "motion": False, "outliers": False, "robust": False,
                  "distortion": "off", "gradient_check": False, "register_to_anatomy": False},
    "fibres": {"bootstrap": 0, "seed_spacing_mm": 10.0, "smoothing_mm": 6.0, "step_mm": 1.0},
    "elastography": {"inversions": ["mdev"], "motion": False},
    "map": {"spacing_mm": 4.0},
}  # fmt: skip
# What a run tells of itself is not a result: when, how long, how much memory.
OF_THE_RUN = ("logs/", ".pennate/")


def digests(folder):
    """Return names and SHA-256 of all files below a folder."""
    from imaging.provenance import sha256

    files = (p for p in sorted(Path(folder).rglob("*")) if p.is_file())
    return {p.relative_to(folder).as_posix(): sha256(p) for p in files}


def ended(process, timeout=1800):
    """Return exit code, standard output and standard error of a run."""
    said, errors = process.communicate(timeout=timeout)
    return process.returncode, said, errors


def results(out):
    """Return the digests of all results: everything that does not tell of the run itself."""
    return {n: d for n, d in digests(out).items() if not n.startswith(OF_THE_RUN)}
