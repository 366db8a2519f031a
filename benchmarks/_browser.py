"""Two headless browsers driven over their own protocols, without a driver program.

Chromium speaks the DevTools protocol, Firefox WebDriver BiDi; both over a websocket (package
`websocket-client`). Used by `benchmarks.viewer` and by the tests of the viewer.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Any

import websocket

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
FIREFOX = ("firefox-esr", "firefox")
_CHROMIUM_FLAGS = """
--headless --no-sandbox --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader
--ignore-gpu-blocklist --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --remote-debugging-port=0
"""
# Firefox asks no server for anything.
_FIREFOX_PREFERENCES = {
    "webgl.force-enabled": True,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
}
# Key of the keyboard: its code, its number on a keyboard (DevTools), its character (BiDi).
_KEYS = {
    "Enter": ("Enter", 13, "\ue007"), "Escape": ("Escape", 27, "\ue00c"),
    "Tab": ("Tab", 9, "\ue004"), " ": ("Space", 32, " "),
    "ArrowLeft": ("ArrowLeft", 37, "\ue012"), "ArrowUp": ("ArrowUp", 38, "\ue013"),
    "ArrowRight": ("ArrowRight", 39, "\ue014"), "ArrowDown": ("ArrowDown", 40, "\ue015"),
    "PageUp": ("PageUp", 33, "\ue00e"), "PageDown": ("PageDown", 34, "\ue00f"),
}  # fmt: skip


class BrowserError(Exception):
    """The browser is missing, did not start, or answered with an error."""


def found(names: tuple[str, ...]) -> str | None:
    """Return the path of the first of these programs that there is."""
    return next(filter(None, map(shutil.which, names)), None)


class Browser(ABC):
    """One page in a headless browser.

    Attributes
    ----------
    console : list of str
        What the page wrote to the console, errors included.
    """

    def __init__(self, command: list[str], address: Path) -> None:
        self.console: list[str] = []
        self._count = 0
        # Without a display, Firefox finds WebGL 2 in software (Mesa's llvmpipe) through EGL only.
        environment = {**os.environ, "no_proxy": "*", "MOZ_WEBGL_FORCE_EGL": "1"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )
        deadline = time.monotonic() + 60
        while not address.exists() or not address.read_text(encoding="utf-8").strip():
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.close()
                raise BrowserError(f"{command[0]} did not start")
            time.sleep(0.05)

    def _connect(self, url: str) -> None:
        self._socket = websocket.create_connection(
            url, suppress_origin=True, timeout=120, http_no_proxy=["*"]
        )

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        asked = {"id": self._count, "method": method, "params": parameters}
        self._socket.send(json.dumps(asked))
        while True:
            told = json.loads(self._socket.recv())
            if told.get("id") != self._count:
                self._event(told)
                continue
            if "error" in told:
                raise BrowserError(f"{method}: {told['error']} {told.get('message', '')}")
            return dict(told["result"])

    def wait(self, condition: str, seconds: float = 60.0) -> None:
        """Wait until an expression of the page is true."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({condition})"):
            if time.monotonic() > deadline:
                raise BrowserError(f"not true after {seconds} s: {condition}; {self.console}")
            time.sleep(0.05)

    def centre(self, selector: str) -> tuple[float, float]:
        """Return the centre of an element in the window, scrolled into view, in CSS pixels."""
        place = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'nearest'}); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        return place[0], place[1]

    def click_on(self, selector: str) -> None:
        """Click the centre of an element."""
        self.click(*self.centre(selector))

    def cpu_seconds(self) -> float:
        """Return the time that the browser's processes have computed so far (Linux)."""
        times, parents = {}, {}
        for file in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                # The name of the program, in brackets, may hold spaces.
                fields = (
                    file.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                )
                pid = int(file.parent.name)
                parents[pid] = int(fields[1])
                times[pid] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        own = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in own} - own:
            own |= more
        return sum(times.get(pid, 0.0) for pid in own)

    def close(self) -> None:
        """End the browser that was started here."""
        with contextlib.suppress(AttributeError, OSError, websocket.WebSocketException):
            self._socket.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def _event(self, told: dict[str, Any]) -> None: ...

    @abstractmethod
    def open(self, url: str) -> None:
        """Load a page anew and wait until it is loaded."""

    @abstractmethod
    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page, as JSON carries it; promises awaited."""

    @abstractmethod
    def click(self, x: float, y: float) -> None:
        """Move the pointer to a place of the window, press and release."""

    @abstractmethod
    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """Press at one place, release at another."""

    @abstractmethod
    def press(self, key: str) -> None:
        """Press and release a key, such as ``a`` or ``Escape``."""

    @abstractmethod
    def picture(self) -> bytes:
        """Return what the window shows as PNG."""

    @abstractmethod
    def resize(self, width: int, height: int) -> None:
        """Give the window's inside another size."""


class Chromium(Browser):
    """Chromium over the DevTools protocol; `profile` is a new folder."""

    def __init__(self, profile: Path, size: tuple[int, int] = (1280, 800)) -> None:
        program = found(CHROMIUM)
        if program is None:
            raise BrowserError("no Chromium on this machine")
        address = profile / "DevToolsActivePort"
        command = [program, *_CHROMIUM_FLAGS.split(), f"--user-data-dir={profile}", "about:blank"]
        super().__init__(command, address)
        port, path = address.read_text(encoding="utf-8").split()
        self._session: str | None = None
        self._connect(f"ws://127.0.0.1:{port}{path}")
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._ask(f"{domain}.enable")
        self.resize(*size)

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        if self._session is None:
            return super()._ask(method, **parameters)
        self._count += 1
        asked = {"id": self._count, "method": method, "params": parameters,
                 "sessionId": self._session}  # fmt: skip
        self._socket.send(json.dumps(asked))
        while True:
            told = json.loads(self._socket.recv())
            if told.get("id") == self._count:
                if "error" in told:
                    raise BrowserError(f"{method}: {told['error']}")
                return dict(told["result"])
            self._event(told)

    def _event(self, told: dict[str, Any]) -> None:
        method, what = told.get("method"), told.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.consoleAPICalled":
            texts = [str(a.get("value", a.get("description", ""))) for a in what["args"]]
            self.console.append(f"{what['type']}: {' '.join(texts)}")
        elif method == "Runtime.exceptionThrown":
            details = what["exceptionDetails"]
            self.console.append(str(details.get("exception", {}).get("description", details)))
        elif method == "Log.entryAdded":
            self.console.append(f"{what['entry']['level']}: {what['entry']['text']}")

    def open(self, url: str) -> None:
        """See :class:`Browser`."""
        self._ask("Page.navigate", url="about:blank")
        self.console.clear()
        self._ask("Page.navigate", url=url)
        self.wait("location.href !== 'about:blank' && document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """See :class:`Browser`."""
        told = self._ask(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in told:
            raise BrowserError(f"{expression}: {told['exceptionDetails']}")
        return told["result"].get("value")

    def heap(self) -> int:
        """Return the bytes of JavaScript in use, with its buffers, after a collection."""
        self._ask("HeapProfiler.collectGarbage")
        usage = self._ask("Runtime.getHeapUsage")
        return int(usage["usedSize"]) + int(usage.get("backingStorageSize", 0))

    def _mouse(self, kind: str, x: float, y: float, buttons: int) -> None:
        self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, buttons=buttons,
                  button="none" if kind == "mouseMoved" and not buttons else "left",
                  clickCount=0 if kind == "mouseMoved" else 1)  # fmt: skip

    def click(self, x: float, y: float) -> None:
        """See :class:`Browser`."""
        self._mouse("mouseMoved", x, y, 0)
        self._mouse("mousePressed", x, y, 1)
        self._mouse("mouseReleased", x, y, 0)

    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """See :class:`Browser`."""
        self._mouse("mouseMoved", *start, 0)
        self._mouse("mousePressed", *start, 1)
        self._mouse("mouseMoved", *stop, 1)
        self._mouse("mouseReleased", *stop, 0)

    def press(self, key: str) -> None:
        """See :class:`Browser`."""
        code, number, _ = _KEYS.get(key, (f"Key{key.upper()}", ord(key[0].upper()), key))
        if len(key) == 1 and key.isdigit():
            code = f"Digit{key}"
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        what = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        self._ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **what,
                  **text)  # fmt: skip
        self._ask("Input.dispatchKeyEvent", type="keyUp", **what)

    def picture(self) -> bytes:
        """See :class:`Browser`."""
        return base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"])

    def resize(self, width: int, height: int) -> None:
        """See :class:`Browser`."""
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip


class Firefox(Browser):
    """Firefox over WebDriver BiDi; `profile` is a new folder."""

    def __init__(self, profile: Path, size: tuple[int, int] = (1280, 800)) -> None:
        program = found(FIREFOX)
        if program is None:
            raise BrowserError("no Firefox on this machine")
        profile.mkdir(parents=True, exist_ok=True)
        lines = [f'user_pref("{k}", {json.dumps(v)});' for k, v in _FIREFOX_PREFERENCES.items()]
        (profile / "user.js").write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [program, "--headless", "--no-remote", "--remote-debugging-port=0",
                   "--profile", str(profile), "about:blank"]  # fmt: skip
        address = profile / "WebDriverBiDiServer.json"
        super().__init__(command, address)
        server = json.loads(address.read_text(encoding="utf-8"))
        self._connect(f"ws://{server['ws_host']}:{server['ws_port']}/session")
        self._ask("session.new", capabilities={})
        self._ask("session.subscribe", events=["log.entryAdded"])
        self._context = self._ask("browsingContext.getTree")["contexts"][0]["context"]
        self.resize(*size)

    def _event(self, told: dict[str, Any]) -> None:
        if told.get("method") == "log.entryAdded":
            what = told["params"]
            self.console.append(f"{what['level']}: {what['text']}")

    def open(self, url: str) -> None:
        """See :class:`Browser`."""
        for address in ("about:blank", url):
            self.console.clear()
            self._ask("browsingContext.navigate", context=self._context, url=address,
                      wait="complete")  # fmt: skip

    def evaluate(self, expression: str) -> Any:
        """See :class:`Browser`."""
        wrapped = f"Promise.resolve({expression}).then((v) => JSON.stringify(v ?? null))"
        told = self._ask("script.evaluate", expression=wrapped, awaitPromise=True,
                         target={"context": self._context})  # fmt: skip
        if told["type"] == "exception":
            raise BrowserError(f"{expression}: {told['exceptionDetails']['text']}")
        return json.loads(told["result"]["value"])

    def _perform(self, source: str, actions: list[dict[str, Any]]) -> None:
        kind = {"parameters": {"pointerType": "mouse"}} if source == "pointer" else {}
        sources = [{"type": source, "id": source, "actions": actions, **kind}]
        self._ask("input.performActions", context=self._context, actions=sources)

    def click(self, x: float, y: float) -> None:
        """See :class:`Browser`."""
        self.drag((x, y), (x, y))

    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """See :class:`Browser`."""
        moves = [{"type": "pointerMove", "x": round(p[0]), "y": round(p[1])} for p in (start, stop)]
        down, up = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
        middle = [] if start == stop else moves[1:]
        self._perform("pointer", [moves[0], down, *middle, up])

    def press(self, key: str) -> None:
        """See :class:`Browser`."""
        value = _KEYS[key][2] if key in _KEYS else key
        actions = [{"type": kind, "value": value} for kind in ("keyDown", "keyUp")]
        self._perform("key", actions)

    def picture(self) -> bytes:
        """See :class:`Browser`."""
        told = self._ask("browsingContext.captureScreenshot", context=self._context)
        return base64.b64decode(told["data"])

    def resize(self, width: int, height: int) -> None:
        """See :class:`Browser`."""
        self._ask("browsingContext.setViewport", context=self._context,
                  viewport={"width": width, "height": height})  # fmt: skip
