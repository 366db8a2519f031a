"""A local page in headless Chromium, spoken to through its DevTools pipe; axe-core on it.

Chromium reads commands from descriptor 3 and answers on 4: no port is opened, and nothing but the
file is loaded. Known errors of accessibility are found by axe-core, which the package
axe-core-python ships.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = """
--headless --no-sandbox --remote-debugging-pipe --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync --hide-scrollbars
--use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader --ignore-gpu-blocklist
"""
_AXE = "axe.min.js"


class Tab:
    """One open page.

    Attributes
    ----------
    console : list of str
        What the page wrote to the console, errors that nobody caught among it.
    """

    def __init__(self, commands: Any, answers: Any) -> None:
        self._commands, self._answers = commands, answers
        self._number, self._rest, self._session = 0, b"", ""
        self.console: list[str] = []
        self._events: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        flat = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = flat["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol; return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        self._commands.flush()
        while True:
            told = self._read()
            if told.get("id") == self._number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']['message']}")
                return dict(told["result"])

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            chunk = os.read(self._answers.fileno(), 1 << 20)
            if not chunk:
                raise RuntimeError("Chromium ended")
            self._rest += chunk
        message, self._rest = self._rest.split(b"\0", 1)
        told = json.loads(message)
        self._note(told)
        return dict(told)

    def _note(self, told: dict[str, Any]) -> None:
        about = told.get("params", {})
        match told.get("method"):
            case "Runtime.consoleAPICalled":
                said = [str(a.get("value", a.get("description"))) for a in about["args"]]
                self.console.append(f"{about['type']}: {' '.join(said)}")
            case "Runtime.exceptionThrown":
                self.console.append(f"exception: {about['exceptionDetails']['text']}")
            case "Log.entryAdded":
                self.console.append(f"{about['entry']['level']}: {about['entry']['text']}")
            case str(name):
                self._events.append(name)

    def size(self, width: int, height: int, phone: bool = False) -> None:
        """Set the size of the window in CSS pixels."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=phone)  # fmt: skip

    def go(self, address: str) -> None:
        """Open an address and wait until it is loaded; within a page only its place changes."""
        self._events.clear()
        told = self.send("Page.navigate", url=address)
        while "loaderId" in told and "Page.loadEventFired" not in self._events:
            self._read()

    def run(self, script: str) -> Any:
        """Return what an expression of JavaScript gives; promises are waited for."""
        told = self.send("Runtime.evaluate", expression=script, awaitPromise=True,
                         returnByValue=True)  # fmt: skip
        if "exceptionDetails" in told:
            raise RuntimeError(json.dumps(told["exceptionDetails"])[:500])
        return told["result"].get("value")

    def until(self, condition: str, seconds: float = 60) -> None:
        """Wait until an expression of JavaScript is true."""
        wait = (
            "new Promise((yes, no) => { const begun = Date.now(); const look = () => "
            f"({condition}) ? yes(true) : Date.now() - begun > {1000 * seconds} "
            f"? no('waited in vain for ' + {json.dumps(condition)}) : setTimeout(look, 50); "
            "look(); })"
        )
        self.run(wait)

    def click(self, x: float, y: float) -> None:
        """Click at a place of the window, as a mouse does."""
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, path: Path | None = None, whole: bool = False) -> bytes:
        """Return a PNG of the window, or of the whole page; write it where a path is given."""
        told = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        content = base64.b64decode(told["data"])
        if path is not None:
            path.write_bytes(content)
        return content

    def printed(self, path: Path | None = None) -> int:
        """Return on how many pages it prints, by its own print style; write the PDF."""
        told = self.send("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        content = base64.b64decode(told["data"])
        if path is not None:
            path.write_bytes(content)
        return len(re.findall(rb"/Type\s*/Page\b", content))

    def violations(self, ignore: tuple[str, ...] = ()) -> list[str]:
        """Return what axe-core finds wrong: rule, help, and the first places; none is good."""
        self.run(axe_source() + "; true")
        found = self.run("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations)")
        return [
            f"{v['id']} ({v['impact']}): {v['help']}: "
            + "; ".join(str(n["target"]) + " " + n["html"][:120] for n in v["nodes"][:3])
            for v in found
            if v["id"] not in ignore
        ]


def axe_source() -> str:
    """Return axe-core; the test is skipped where it is not installed."""
    found = find_spec("axe_core_python")
    if found is None or not found.submodule_search_locations:
        pytest.skip("axe-core-python, which ships axe-core, is not installed")
    return (Path(next(iter(found.submodule_search_locations))) / _AXE).read_text(encoding="utf-8")


@contextmanager
def opened(page: Path | str, width: int = 1280, height: int = 900) -> Iterator[Tab]:
    """Open a local file, or an address, in a Chromium of its own; skip where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium on this machine")
    address = page.resolve().as_uri() if isinstance(page, Path) else page
    orders, answers = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        moved = f'exec "$@" 3<&{orders[0]} 4>&{answers[1]}'
        command = ["bash", "-c", moved, "-", program, *FLAGS.split(), f"--user-data-dir={profile}"]
        started = subprocess.Popen(
            command, pass_fds=(orders[0], answers[1]), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "no_proxy": "*"},
        )  # fmt: skip
        os.close(orders[0])
        os.close(answers[1])
        try:
            with os.fdopen(orders[1], "wb") as write, os.fdopen(answers[0], "rb", 0) as read:
                tab = Tab(write, read)
                tab.size(width, height)
                tab.go(address)
                yield tab
                tab._session = ""
                tab.send("Browser.close")
        finally:
            try:
                started.wait(20)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()
