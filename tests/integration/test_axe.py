"""The helper that finds errors of accessibility finds some, and none where none are."""

from axe import opened

GOOD = """<!DOCTYPE html><html lang="en"><head><title>Good</title></head><body><main>
<h1>Good</h1><button onclick="document.title = 'Pressed'">Press</button></main></body></html>"""
BAD = """<!DOCTYPE html><html><head></head><body><img src="data:,"><script>nothing.here</script>
</body></html>"""


def test_errors_are_found_and_a_good_page_has_none(tmp_path):
    for name, text in (("good", GOOD), ("bad", BAD)):
        (tmp_path / f"{name}.html").write_text(text)
    with opened(tmp_path / "good.html", 400, 300) as tab:
        assert tab.violations() == []
        assert tab.console == []
        assert tab.printed() == 1
        assert tab.picture().startswith(b"\x89PNG")
        x, y = tab.run("(r => [r.x + r.width / 2, r.y + r.height / 2])"
                       "(document.querySelector('button').getBoundingClientRect())")  # fmt: skip
        tab.click(x, y)
        tab.until("document.title === 'Pressed'", 5)
    with opened(tmp_path / "bad.html") as tab:
        found = {v.split()[0] for v in tab.violations()}
        assert {"html-has-lang", "image-alt", "document-title"} <= found
        assert len(tab.console) == 1
