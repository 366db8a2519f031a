"""Write ``docs/licences.md`` from the lock and the metadata of what is installed.

``python docs/make_licences.py``, in the environment of ``envs/lock.txt``.
"""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.markers import Marker, default_environment

ROOT = Path(__file__).parents[1]
HEAD = """# Licences of what Pennate stands on

Written by `make licences` from `envs/lock.txt` (Linux, Python 3.11) and from what each package says
of itself. **Direct** ones are named in `pyproject.toml`; the others come along with them. Pennate
itself is BSD-3-Clause and contains none of their code, except NiiVue (BSD-2-Clause, of ipyniivue),
which goes into every viewer page. The strictest is MPL-2.0, which asks that changes of those
packages' own files be given on; none asks it of Pennate, of data or of results.
"""
_LINUX = {
    "sys_platform": "linux", "platform_machine": "x86_64", "platform_system": "Linux",
    "os_name": "posix", "python_version": "3.11", "python_full_version": "3.11.9",
    "implementation_name": "cpython", "platform_python_implementation": "CPython",
}  # fmt: skip


def locked() -> dict[str, str]:
    """Return name and version of every package of the lock that Linux and Python 3.11 need."""
    text = (ROOT / "envs" / "lock.txt").read_text(encoding="utf-8")
    found = re.findall(r"^([\w.-]+)==([\w.+!-]+)(?: ; (.*?))?(?: \\)?$", text, re.MULTILINE)
    here = {**default_environment(), **_LINUX}
    return {name: v for name, v, marker in found if not marker or Marker(marker).evaluate(here)}


def direct() -> set[str]:
    """Return the packages that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {_name(re.split(r"[<>=!~\[ ;]", d)[0]) for d in project["dependencies"]}


def licence(package: Distribution) -> str:
    """Return what a package says of its licence: expression, classifiers, short text, or file.

    Examples
    --------
    >>> from importlib.metadata import distribution
    >>> licence(distribution("numpy"))[:3]
    'BSD'
    """
    told = package.metadata
    if expression := told.get("License-Expression"):
        return str(expression)
    classifiers = [
        c.rpartition(" :: ")[2]
        for c in told.get_all("Classifier") or []
        if c.startswith("License ::") and not c.endswith("OSI Approved")
    ]
    if classifiers:
        return ", ".join(classifiers)
    text = (told.get("License") or "").strip().splitlines()
    short = text[0] if text and len(text[0]) < 60 else ""
    return short or _of_file(package)


def _of_file(package: Distribution) -> str:
    """Return the title of a package's licence file, where its metadata say nothing."""
    for file in package.files or []:
        if re.match(r"(LICEN[CS]E|COPYING)", file.name, re.IGNORECASE):
            text = Path(str(package.locate_file(file))).read_text("utf-8", "replace").strip()
            return text.splitlines()[0].strip() if text else ""
    return ""


def render() -> str:
    """Return the page.

    Raises
    ------
    SystemExit
        A package of the lock is not installed, or does not say its licence.
    """
    installed = {_name(str(d.metadata["Name"])): d for d in distributions()}
    wanted, asked = locked(), direct()
    lines, silent = [], []
    for name, version in sorted(wanted.items()):
        package = installed.get(_name(name))
        said = licence(package) if package else ""
        if not said:
            silent.append(name)
        lines.append(f"| {name} | {version} | {said} | {'yes' if _name(name) in asked else ''} |")
    if silent:
        raise SystemExit(f"not installed, or without a licence: {', '.join(silent)}")
    return "\n".join(
        [HEAD, "| package | version | licence | direct |", "|---|---|---|---|", *lines, ""]
    )


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


if __name__ == "__main__":
    (ROOT / "docs" / "licences.md").write_text(render(), encoding="utf-8")
