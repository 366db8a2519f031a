"""The content security policy of the pages that Pennate writes.

A page stands alone: it loads nothing from anywhere, sends nothing anywhere, and runs no script but
its own, told by digest. So a script that slipped in as somebody's name does not run even where a
text was written without care.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence


def content_policy(
    scripts: Sequence[str] = (), styles: Sequence[str] | None = None, connect: str = "'none'"
) -> str:
    """Return the content of ``<meta http-equiv="Content-Security-Policy">`` of a page.

    Parameters
    ----------
    scripts
        Texts between the page's ``<script>`` tags, to the letter; none: no script runs.
    styles
        Texts between its ``<style>`` tags; None: any style, also in attributes, as pages need
        whose pictures are drawn in them.
    connect
        What its scripts may fetch: ``data: blob:`` where they unpack what lies in the page.

    Examples
    --------
    >>> content_policy(["run()"]).split("; ")[1]
    "script-src 'sha256-AvyuiL0SD1mVY3NNxR+V2uo+lhk6RMFrytWmRt6CrJQ='"

    References
    ----------
    W3C, Content Security Policy Level 3.
    """
    own = "'unsafe-inline'" if styles is None else " ".join(map(_digest, styles))
    rules = {
        "default-src": "'none'",
        "script-src": " ".join(map(_digest, scripts)) or "'none'",
        "style-src": own or "'none'",
        "img-src": "data: blob:",
        "connect-src": connect,
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{key} {value}" for key, value in rules.items())


def _digest(text: str) -> str:
    raw = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(raw).decode()}'"
