"""Pages printed to PDF: the same bytes each time, or nothing."""

import shutil

import pytest

from imaging.errors import MissingFileError
from imaging.io import printing


def test_the_moment_of_printing_does_not_show(monkeypatch):
    moment = (
        b"<</Creator (x)\n/CreationDate (D:20261130172840+00'00')\n/ModDate (D:20261130172841Z)>>"
    )
    fixed = printing._MOMENT.sub(printing._zeroed, moment)
    assert len(fixed) == len(moment)
    assert b"2026" not in fixed and b"(D:20000101000000+00'00')" in fixed


def test_no_page_and_no_browser(tmp_path, monkeypatch):
    with pytest.raises(MissingFileError):
        printing.pdf_of(tmp_path / "none.html")
    (tmp_path / "page.html").write_text("<p>leg</p>", encoding="utf-8")
    monkeypatch.setattr(printing.shutil, "which", lambda name: None)
    assert printing.pdf_of(tmp_path / "page.html") is None


def test_a_browser_prints_the_same_bytes_twice(tmp_path):
    if not any(shutil.which(name) for name in printing._BROWSERS):
        pytest.skip("no Chromium is installed")
    page = tmp_path / "page.html"
    page.write_text("<h1>Right leg</h1><p>Soleus, 454 ml, μ⊥</p>", encoding="utf-8")
    first, second = printing.pdf_of(page), printing.pdf_of(page)
    assert first is not None and first.startswith(b"%PDF-")
    assert first == second
