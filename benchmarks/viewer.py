"""Viewer page: size, time to the first picture, and memory, in headless browsers.

    python -m benchmarks.viewer sub-01_viewer.html [--browsers chromium firefox] [--repeats 3]

A page that `pennate export` wrote is opened anew in each browser, which draws in software
(Chromium with SwiftShader, Firefox with llvmpipe), and timed until its first picture is on the
screen: a picture of the window is taken, as a reader would see it. On a busy machine the seconds
that the browser computed say more than the clock: two cores compute 10 in 5. Goals: size at most
15 MB, first picture within 5 s on two cores, median of the repeats.

Memory: JavaScript heap after 10 and after 60 selections of muscles with their overlays and slices,
garbage collected (Chromium only). Goal: at most 5 % more.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks._browser import Browser, BrowserError, Chromium, Firefox

MOST_MB, MOST_S, MOST_GROWTH = 15.0, 5.0, 0.05
KINDS: dict[str, type[Chromium] | type[Firefox]] = {"chromium": Chromium, "firefox": Firefox}
# Select every muscle in turn; each third time another overlay, each fifth another layout.
_SELECT = """
(async (from, to) => {
  const wait = () => new Promise((done) => setTimeout(done, 30));
  const names = [...document.querySelectorAll('.muscles .name')];
  const change = (id, k) => {
    const menu = document.getElementById(id);
    menu.selectedIndex = k %% menu.options.length;
    menu.dispatchEvent(new Event('change'));
  };
  for (let k = from; k < to; k++) {
    names[k %% names.length].click();
    if (k %% 3 === 0) change('overlay', k);
    if (k %% 5 === 0) change('plane', k);
    await wait();
  }
})(%d, %d)
"""


def first_picture(browser: Browser, page: Path) -> tuple[float, float]:
    """Return the seconds until the first picture is there: on the clock, and computed."""
    computed, start = browser.cpu_seconds(), time.perf_counter()
    browser.open(page.resolve().as_uri())
    browser.wait("document.body.dataset.state !== 'loading'", 120)
    if browser.evaluate("document.body.dataset.state") != "ready":
        raise BrowserError(str(browser.evaluate("document.getElementById('problem').textContent")))
    browser.picture()
    return time.perf_counter() - start, browser.cpu_seconds() - computed


def heap_mb(browser: Chromium) -> float:
    """Return the JavaScript heap in use after a collection, buffers included."""
    return browser.heap() / 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--browsers", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    size = given.page.stat().st_size / 1e6
    print(f"size\t{size:.2f} MB\tgoal <= {MOST_MB:g}\t{_verdict(size <= MOST_MB)}")
    for name in given.browsers:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            try:
                with KINDS[name](Path(folder) / "profile") as browser:
                    _browser(name, browser, given.page, given.repeats)
            except BrowserError as error:
                print(f"{name}\tnot measured\t{error}")


def _browser(name: str, browser: Browser, page: Path, repeats: int) -> None:
    times = [first_picture(browser, page) for _ in range(repeats)]
    middle = statistics.median(clock for clock, _ in times)
    computed = statistics.median(cpu for _, cpu in times)
    listed = ", ".join(f"{clock:.1f}" for clock, _ in times)
    print(f"{name}: first picture\t{middle:.2f} s\t(n = {repeats}: {listed}; {computed:.1f} s "
          f"computed)\tgoal <= {MOST_S:g}\t{_verdict(middle <= MOST_S)}")  # fmt: skip
    if not isinstance(browser, Chromium):
        return
    browser.evaluate(_SELECT % (0, 10))
    before = heap_mb(browser)
    browser.evaluate(_SELECT % (10, 60))
    growth = heap_mb(browser) / before - 1
    print(f"{name}: heap\t{before:.1f} MB\t{100 * growth:+.1f} % after 50 more selections\t"
          f"goal <= {100 * MOST_GROWTH:g} %\t{_verdict(growth <= MOST_GROWTH)}")  # fmt: skip


def _verdict(reached: bool) -> str:
    return "reached" if reached else "missed"


if __name__ == "__main__":
    main()
