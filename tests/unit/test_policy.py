"""The policy of pages: what a browser runs under it, and what not."""

import html
import shutil
import subprocess

import pytest

from imaging.policy import content_policy

OWN = "document.body.dataset.own = 'ran';"
FLAGS = "--headless --no-sandbox --disable-quic --no-first-run --disable-background-networking"


def rules(policy):
    return dict(rule.split(" ", 1) for rule in policy.split("; "))


def test_nothing_is_loaded_and_only_own_scripts_run():
    found = rules(content_policy([OWN]))
    assert found["default-src"] == found["connect-src"] == "'none'"
    assert found["script-src"].startswith("'sha256-") and "unsafe" not in found["script-src"]
    assert rules(content_policy())["script-src"] == "'none'"
    assert "unsafe" not in content_policy([OWN], ["p {}"])
    assert "http" not in content_policy([OWN])


def test_a_browser_runs_no_script_that_slipped_in(tmp_path):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    page = tmp_path / "page.html"
    page.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        f'content="{html.escape(content_policy([OWN]))}"><body><script>{OWN}</script>'
        "<script>document.body.dataset.script = 'ran';</script>"
        "<img src=x onerror=\"document.body.dataset.handler = 'ran'\">"
        "<svg><script>document.body.dataset.svg = 'ran';</script></svg>"
        "<script>document.body.dataset.own = 'ran'; // </script></body>"
    )
    done = subprocess.run(
        [chromium, *FLAGS.split(), f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
         "--virtual-time-budget=3000", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    body = done.stdout[done.stdout.index("<body") :].partition(">")[0]
    assert 'data-own="ran"' in body
    assert not any(f"data-{what}" in body for what in ("script", "handler", "svg"))
