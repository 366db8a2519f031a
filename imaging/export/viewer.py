"""The viewer: one HTML file that works without a network.

NiiVue (BSD-2, github.com/niivue/niivue) is taken from the installed package ``ipyniivue``.
"""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Any

import jinja2

from imaging.errors import MissingToolError
from imaging.policy import content_policy

# Parts of the page's own script, joined in this order into one module.
SCRIPTS = (
    "data.js", "scene.js", "camera.js", "slices.js", "plane.js", "selection.js", "list.js",
    "cycle.js", "controls.js", "screenshot.js", "link.js", "start.js",
)  # fmt: skip
_HOW = "Install ipyniivue 2.4: pip install 'ipyniivue>=2.4,<3'"
# How the bundle, whose names are shortened, itself uses the three classes that the page needs.
_CLASSES = {
    "Niivue": r'"Creating new Niivue instance"\).{0,80}?=new ([\w$]+)\(',
    "NVImage": r"await ([\w$]+)\.loadFromBase64\(\{",
    "NVMesh": r"await ([\w$]+)\.readMesh\([^;]*?\.get\(\"opacity\"\)",
}
_EXPORT = re.compile(r"export\s*\{\s*[\w$]+ as default\s*\}\s*;?\s*$")
# The bundle carries itself once more as text, for pages that it would save: more than half of it.
_COPY_OF_ITSELF = re.compile(r'="var%20[^"\\]{1000000,}"')
# A closing tag inside a script would end it early; in JavaScript strings and regular expressions
# the backslash changes nothing.
_CLOSING = re.compile(r"</(?=script)", re.IGNORECASE)


def niivue_module() -> str:
    """Return NiiVue as the text of a module that sets ``globalThis.niivue`` to its classes.

    Raises
    ------
    MissingToolError
        The package is missing or its bundle is not laid out as expected.
    """
    try:
        file = resources.files("ipyniivue") / "static" / "widget.js"
        text = file.read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise MissingToolError("the viewer needs NiiVue", None, _HOW) from error
    names = {name: re.search(pattern, text) for name, pattern in _CLASSES.items()}
    if not _EXPORT.search(text) or not all(names.values()):
        raise MissingToolError("this ipyniivue's bundle is laid out differently", None, _HOW)
    text = _COPY_OF_ITSELF.sub('=""', text)
    listed = ",".join(f"{name}:{found.group(1)}" for name, found in names.items() if found)
    return _CLOSING.sub(r"<\\/", _EXPORT.sub(f"globalThis.niivue={{{listed}}};\n", text))


def page(content: dict[str, Any]) -> str:
    """Return the viewer page that shows a payload (see :mod:`imaging.export.payload`).

    The page's content security policy allows its own scripts and styles by digest, and nothing
    from any server.
    """
    folder = resources.files("imaging") / "data" / "viewer"
    style = (folder / "viewer.css").read_text(encoding="utf-8")
    parts = [(folder / name).read_text(encoding="utf-8") for name in SCRIPTS]
    scripts = [niivue_module(), "\n".join(parts)]
    data = json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((folder / "viewer.html").read_text(encoding="utf-8"))
    return template.render(
        subject=content["subject"],
        version=content["version"],
        policy=content_policy(scripts, [style], connect="data: blob:"),
        style=style,
        scripts=scripts,
        data=data.replace("<", "\\u003c"),
    )
