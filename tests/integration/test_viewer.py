"""The viewer in headless browsers: pictures, clicks and keys, and what it may load."""

import io
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from axe import axe_source
from PIL import Image as Picture
from synthetic_map import SHAPES, SOL, TA, ellipsoid, write_map

from imaging.cli.app import main
from imaging.export.mesh import for_screen
from imaging.export.payload import payload
from imaging.export.viewer import page as page_of
from imaging.image import Image, apply_affine
from imaging.musclemap.read.muscle_map import read_muscle_map
from imaging.palette import muscle_colour

browsers = pytest.importorskip("benchmarks._browser", reason="no package websocket-client")
MARKED = (255, 30, 200)
# Surfaces alone, opaque; nothing else lies in the way of a click.
SOLID = "opacity=1&measure=none&plane=none"


def viewer(folder, **parts):
    write_map(folder / "map", **parts)
    arguments = ["export", "--map-dir", folder / "map", "--out", folder / "out"]
    assert main([*map(str, arguments), "--prefix", "sub-01"]) == 0
    return folder / "out" / "sub-01_viewer.html"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return viewer(tmp_path_factory.mktemp("viewer"), load=True)


@pytest.fixture(scope="module")
def two_legs(tmp_path_factory):
    """A page with the right leg's muscles and their mirror images 150 mm to the left."""
    folder = tmp_path_factory.mktemp("two")
    found = read_muscle_map(write_map(folder), "sub-01")
    affine = np.diag([2.5, 2.5, 5.0, 1.0])
    affine[:3, 3] = (-165, -75, -95)
    shape = (92, 60, 38)
    world = apply_affine(affine, np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1))
    labels, surfaces = np.zeros(shape, np.int16), dict(found.surfaces)
    for label, (centre, axes) in SHAPES.items():
        for own, x in ((label, centre[0]), (label - 100, -120 - centre[0])):
            place = (x, *centre[1:])
            labels[(((world - place) / axes) ** 2).sum(-1) <= 1] = own
            surfaces[own] = ellipsoid(place, axes)
    arrays = {"label": Image(labels, affine), "anatomy": Image(labels.astype(np.float32), affine)}
    left = found.muscles.assign(label=found.muscles["label"] - 100)
    muscles = pd.concat([left, found.muscles], ignore_index=True)
    both = replace(found, arrays=arrays, surfaces=surfaces, muscles=muscles)
    path = folder / "two.html"
    path.write_text(page_of(payload(for_screen(both, fascicles=20), all_fascicles=20)))
    return path


def started(kind, folder):
    try:
        return kind(folder)
    except browsers.BrowserError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with started(browsers.Chromium, tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    with started(browsers.Firefox, tmp_path_factory.mktemp("firefox")) as browser:
        browser.open("data:text/html,<canvas></canvas>")
        if not browser.evaluate("Boolean(document.querySelector('canvas').getContext('webgl2'))"):
            pytest.skip("this Firefox has no WebGL 2 here; Mesa's EGL (libegl1) is needed")
        yield browser


@pytest.fixture(params=["chromium", "firefox"])
def browser(request):
    return request.getfixturevalue(request.param)


def show(browser, page, state=""):
    browser.open(f"{page.as_uri()}#{state}")
    browser.wait("document.body.dataset.state !== 'loading'")
    assert browser.evaluate("document.body.dataset.state") == "ready"


def text(browser, selector):
    return browser.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")


def selected(browser):
    return browser.evaluate("pennate.state.selected")


def pixels(browser, pane):
    """Return the picture of a pane (H, W, 3) as floats, and the pane's corner in the window."""
    box = browser.evaluate(
        f"(() => {{ const b = document.getElementById('{pane}').getBoundingClientRect();"
        "return [b.left, b.top, b.width, b.height].map(Math.round); })()"
    )
    whole = np.asarray(Picture.open(io.BytesIO(browser.picture())).convert("RGB"), float)
    left, top, width, height = box
    return whole[top : top + height, left : left + width], (left, top)


def coloured(picture, colour, off=0.1):
    """Return which pixels (H, W) have the hue of a colour, however bright they are."""
    wanted = np.array(colour) / np.sum(colour)
    bright = picture.sum(-1)
    share = picture / np.maximum(bright, 1)[..., None]
    return (np.abs(share - wanted).max(-1) < off) & (bright > 60)


def middle(mask, corner):
    """Return a place of the window well inside a region: the pixel with most of it around."""
    rows, columns = np.nonzero(mask)
    assert len(rows) > 50
    near = np.argmin((rows - np.median(rows)) ** 2 + (columns - np.median(columns)) ** 2)
    return float(corner[0] + columns[near]), float(corner[1] + rows[near])


def change(browser, control, value, event="change"):
    """Choose in a menu, or move a slider."""
    browser.evaluate(
        f"(() => {{ const c = document.getElementById('{control}');"
        f"c.value = {json.dumps(value)}; c.dispatchEvent(new Event('{event}')); }})()"
    )


def settle(browser):
    """Let the page write its address and draw."""
    browser.evaluate("new Promise((done) => setTimeout(() => done(true), 200))")


def place(browser):
    shown = text(browser, "#place td")
    return np.array([float(v) for v in shown.removesuffix(" mm").split(",")])


def test_page_names_no_server(page):
    content = page.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', content).group(1)
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "unsafe" not in policy
    sources = re.findall(r"<(?:script|link|img|iframe)[^>]*?(?:src|href)=([^ >]*)", content)
    assert sources == ['"data:,"']
    assert len(content) < 15e6
    assert "Research use only" in content


def test_notes_cannot_break_out_of_the_page(page):
    content = page.read_text(encoding="utf-8")
    assert "<three>" not in content
    assert "\\u003cthree>" in content


def test_page_opens_without_console_messages(browser, page):
    show(browser, page)
    assert browser.console == []
    words = text(browser, "aside")
    assert "right tibialis anterior: found from the data" in words
    assert "no elastography was recorded" in words
    assert "Structure" in words and text(browser, "#place tr:nth-child(2) td") == "right soleus"
    assert text(browser, "#caption-scene") == ""


def test_a_link_opens_the_page_in_a_state(chromium, page):
    show(chromium, page, "surface=activation&time=20&overlay=stiffness_mdev"
         "&measure=pennation_start_deg&only=201")  # fmt: skip
    assert chromium.console == []
    assert text(chromium, "#caption-scene") == "EMG painted on anatomy"
    assert chromium.evaluate("document.getElementById('painted').value") == "activation"


def test_share_of_force_is_shown_over_the_cycle(chromium, page):
    show(chromium, page, f"surface=force&measure=force&time=50&select={TA}")
    assert chromium.console == []
    assert "Share of force, modelled from EMG" in text(chromium, "#caption-scene")
    assert "Share of force, modelled at 50 %50 % of force" in text(chromium, "#card")
    assert "Activation at 50 %" in text(chromium, "#card")


def test_page_works_with_muscles_only(chromium, tmp_path):
    bare = viewer(tmp_path, fascicles=False, activation=False, stiffness=False,
                  aponeuroses=False)  # fmt: skip
    show(chromium, bare)
    assert chromium.console == []
    words = text(chromium, "#missing")
    assert "No fascicles: the map has no diffusion data" in words
    assert "No activation: the map has no EMG recording" in words


@pytest.mark.parametrize("label", [TA, SOL])
def test_a_click_on_a_muscle_in_3d_selects_it_everywhere(browser, page, label):
    show(browser, page, SOLID)
    picture, corner = pixels(browser, "scene")
    browser.click(*middle(coloured(picture, muscle_colour(label)), corner))
    browser.wait(f"pennate.state.selected === {label}", 10)
    name = {TA: "right tibialis anterior", SOL: "right soleus"}[label]
    assert text(browser, "#card-name") == name
    assert {TA: "35.2 ml", SOL: "88 ml"}[label] in text(browser, "#card")
    assert text(browser, "[aria-current=true]") == name
    assert browser.evaluate("document.querySelectorAll('tr.selected').length") == 1
    assert text(browser, "#place tr:nth-child(2) td") in {name, "none"}  # on its surface
    marked, _ = pixels(browser, "slices")
    assert coloured(marked, MARKED, 0.12).sum() > 30
    browser.press("Escape")
    browser.wait("pennate.state.selected === null", 10)


def test_a_click_on_a_fascicle_tells_its_figures(chromium, page):
    show(chromium, page, "opacity=0&measure=muscle&plane=none&sheets=0")
    picture, corner = pixels(chromium, "scene")
    chromium.click(*middle(coloured(picture, muscle_colour(SOL)), corner))
    chromium.wait(f"pennate.state.selected === {SOL}", 10)
    told = text(chromium, "#card-fascicle-figures")
    length = re.match(r"Fascicle length([\d.]+) mm", told)
    assert float(length.group(1)) in {20.0 + 2 * k for k in range(10)}
    assert "Pennation, distal endnot measured" in told
    after, _ = pixels(chromium, "scene")
    assert coloured(after, MARKED, 0.12).sum() > 20


def test_a_click_in_a_slice_selects_what_lies_there(browser, page):
    show(browser, page, "layout=axial&labels=1")
    picture, corner = pixels(browser, "slices")
    browser.click(*middle(coloured(picture, muscle_colour(TA)), corner))
    browser.wait(f"pennate.state.selected === {TA}", 10)
    assert text(browser, "#place tr:nth-child(2) td") == "right tibialis anterior"


def test_the_list_goes_to_the_middle_of_a_muscle_on_an_oblique_grid(chromium, page):
    show(chromium, page)
    for label in (TA, SOL):
        chromium.click_on(f"#muscles tr[data-label='{label}'] .name")
        np.testing.assert_allclose(place(chromium), SHAPES[label][0], atol=2.6)
        assert selected(chromium) == label
    cross = chromium.evaluate(
        "[...pennate.scene.meshes.find((m) => m.name === 'crosshair').pts.slice(0, 6)]"
    )
    chromium.wait("new Promise((done) => requestAnimationFrame(() => done(true)))")
    start, stop = np.reshape(cross, (2, 3))
    # The first line runs along the grid's first axis, turned by 15 degrees, through the place.
    along = (stop - start) / np.linalg.norm(stop - start)
    np.testing.assert_allclose(np.abs(along), [np.cos(np.radians(15)), np.sin(np.radians(15)), 0],
                               atol=1e-3)  # fmt: skip


def test_keys_change_panes_and_the_librarys_own_keys_are_off(browser, page):
    show(browser, page)
    width = "document.getElementById('slices').getBoundingClientRect().width"
    small = browser.evaluate(width)
    browser.press("2")
    browser.wait(f"{width} > {1.5 * small}", 10)
    assert browser.evaluate("pennate.slices.opts.sliceType") == 0
    browser.click_on("#slices")
    before = place(browser)
    for key in "vchjklm":
        browser.press(key)
    assert browser.evaluate("pennate.slices.opts.sliceType") == 0
    np.testing.assert_array_equal(place(browser), before)
    browser.press("PageUp")
    np.testing.assert_allclose(place(browser) - before, [0, 0, 5], atol=0.11)
    browser.press("ArrowRight")  # towards the left of a person shown as radiologists do
    assert place(browser)[0] < before[0]
    browser.click_on("#layouts [data-layout=all]")
    browser.wait(f"{width} < {1.1 * small}", 10)


def test_focus_stays_where_it_was_when_the_list_changes(chromium, page):
    show(chromium, page)
    focused = "document.activeElement.ariaLabel === 'right tibialis anterior see-through'"
    chromium.click_on(f"tr[data-label='{TA}'] .through")
    assert chromium.evaluate(focused)
    assert chromium.evaluate("document.activeElement.ariaPressed") == "false"
    chromium.press(" ")
    chromium.wait("document.activeElement.ariaPressed === 'true'", 10)
    change(chromium, "column", "fascicle_length_mm")
    assert chromium.evaluate(focused)


def test_an_overlay_is_grouped_by_stage_and_shown_where_it_has_data(chromium, page):
    show(chromium, page)
    groups = chromium.evaluate(
        "[...document.querySelectorAll('#overlay optgroup')].map((g) => g.label)"
    )
    assert groups == ["Elastography", "Diffusion MRI"]
    chromium.click_on(f"#muscles tr[data-label='{TA}'] .name")
    change(chromium, "overlay", "stiffness_mdev")
    chromium.wait("document.querySelectorAll('#place tr').length === 3", 10)
    assert text(chromium, "#place tr:nth-child(2) td") == "right soleus"
    assert text(chromium, "#place tr:nth-child(3) td").endswith("2.5 kPa")


def test_a_link_restores_view_selection_and_camera_and_reset_the_opening(chromium, page):
    show(chromium, page)
    opening = chromium.evaluate("location.hash") or ""
    chromium.click_on(f"#muscles tr[data-label='{SOL}'] .name")
    chromium.click_on("#layouts [data-layout=sagittal]")
    chromium.click_on("#layouts [data-layout=scene]")
    chromium.click_on("#views button:nth-child(3)")
    chromium.click_on(f"tr[data-label='{TA}'] input")
    chromium.click_on(f"tr[data-label='{SOL}'] .through")
    chromium.wait("location.hash.includes('layout=scene') && location.hash.includes('own=')", 10)
    settle(chromium)
    link = chromium.evaluate("location.hash")
    assert f"select={SOL}" in link and "camera=270,0" in link and "only=" in link
    show(chromium, page, link[1:])
    settle(chromium)
    assert chromium.evaluate("location.hash") == link
    assert selected(chromium) == SOL
    chromium.click_on("#reset")
    chromium.wait("!location.hash.includes('layout')", 10)
    settle(chromium)
    state = chromium.evaluate("pennate.state")
    assert (state["layout"], state["selected"], state["surface"]) == ("all", None, "muscle")
    assert "camera=215,8" in chromium.evaluate("location.hash")
    assert (
        chromium.evaluate("location.hash.replace(/camera=[^&]*/, '')")
        == re.sub("camera=[^&]*", "", opening)
        or not opening
    )


def test_a_screenshot_holds_both_panes_and_the_scales(chromium, page):
    show(chromium, page, f"surface=volume_ml&overlay=fa&select={SOL}")
    chromium.evaluate(
        "(() => { URL.createObjectURL = (blob) => { globalThis.saved = blob; return 'blob:x'; };"
        "HTMLAnchorElement.prototype.click = function () { globalThis.name = this.download; };"
        "})()"
    )
    chromium.click_on("#screenshot")
    chromium.wait("globalThis.saved")
    content = bytes(chromium.evaluate("saved.arrayBuffer().then((b) => [...new Uint8Array(b)])"))
    picture = np.asarray(Picture.open(io.BytesIO(content)).convert("RGB"), float)
    assert chromium.evaluate("globalThis.name") == "sub-01_viewer.png"
    height, width = picture.shape[:2]
    assert width > 900
    scene, slices = picture[: height - 110, : width // 2], picture[: height - 110, width * 2 // 3 :]
    for part in (scene, slices, picture[height - 100 :]):
        assert part.std() > 5


def test_two_legs_open_with_the_crosshair_in_a_muscle_and_both_in_the_picture(chromium, two_legs):
    show(chromium, two_legs, SOLID)
    assert text(chromium, "#place tr:nth-child(2) td").endswith("soleus")
    picture, _ = pixels(chromium, "scene")
    leg = coloured(picture, muscle_colour(SOL)) | coloured(picture, muscle_colour(TA))
    columns = np.flatnonzero(leg.any(axis=0))
    rows = np.flatnonzero(leg.any(axis=1))
    height, width = leg.shape
    assert 0 < columns.min() < 0.4 * width and 0.6 * width < columns.max() < width - 1
    assert rows.min() > 0 and rows.max() < height - 1
    assert max(np.ptp(columns) / width, np.ptp(rows) / height) > 0.5
    groups = chromium.evaluate(
        "[...document.querySelectorAll('.group th')].map((t) => t.textContent)"
    )
    assert groups == ["Left leg", "Right leg", "Bones"]


def test_activation_changes_the_colour_of_a_muscle_over_the_cycle(chromium, page):
    show(chromium, page, f"{SOLID}&surface=activation&only={TA}&time=20")
    peak, _ = pixels(chromium, "scene")
    change(chromium, "time", 80, "input")
    settle(chromium)
    rest, _ = pixels(chromium, "scene")
    changed = np.abs(peak - rest).max(-1) > 60
    assert changed.mean() > 0.02


def test_what_is_drawn_for_a_selection_does_not_pile_up(chromium, page):
    show(chromium, page)
    count = "[pennate.scene.meshes.length, pennate.slices.volumes.length]"
    chromium.evaluate(f"document.querySelector('tr[data-label=\"{TA}\"] .name').click()")
    before = chromium.evaluate(count)
    for label in (SOL, TA) * 5:
        chromium.evaluate(f"document.querySelector('tr[data-label=\"{label}\"] .name').click()")
    assert chromium.evaluate(count) == before


def test_no_violation_of_accessibility_rules(chromium, page):
    for state in ("", f"select={SOL}&surface=fa&overlay=fa"):
        show(chromium, page, state)
        chromium.evaluate(f"{axe_source()}; true")
        found = chromium.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == []
