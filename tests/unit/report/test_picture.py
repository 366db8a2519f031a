import base64

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from imaging.image import Image
from imaging.report import axial_slices, diffusion_curves, fascicle_scene, picture
from imaging.report.emg_cycles import emg_cycles
from imaging.report.length_profile import length_profile


def plot() -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1], [0, 1], label="a")
    return figure


def test_same_picture_same_bytes_and_no_date():
    for write in (picture.raster, picture.svg):
        assert write(plot()) == write(plot())
    text = base64.b64decode(picture.svg(plot()).split(",")[1]).decode()
    assert "dc:date" not in text
    assert "Matplotlib" not in text.split("<defs>")[0].replace("Created with matplotlib", "")


def test_a_failed_picture_leaves_a_sentence():
    def fail() -> str:
        raise RuntimeError("no memory for a canvas")

    found = picture.guarded("T", "c", "a", fail, "absent")
    assert found.source == ""
    assert "no memory for a canvas" in found.message
    assert picture.guarded("T", "c", "a", lambda: None, "No EMG.").message == "No EMG."


def arrays() -> dict[str, Image]:
    affine = np.diag([1.0, 1.0, 5.0, 1.0])
    data = np.zeros((20, 30, 12), np.int16)
    data[3:9, 5:25, 2:10] = 201
    data[10:18, 5:25, 2:10] = 209
    shape = data.shape
    fa = np.where(data > 0, 0.2, np.nan).astype(np.float32)
    e1 = np.full((*shape, 3), np.nan, np.float32)
    e1[data > 0] = (0, 0, 1)
    layers = {"label": data, "anatomy": np.ones(shape, np.float32), "fa": fa, "e1": e1}
    return {name: Image(values, affine) for name, values in layers.items()}


def test_slices_run_from_proximal_to_distal_inside_the_labels():
    chosen = axial_slices.chosen_slices(arrays()["label"])
    assert chosen == sorted(chosen, reverse=True)
    assert min(chosen) >= 2
    assert max(chosen) <= 9


def test_a_layer_of_a_thin_slab_is_shown_where_it_is():
    layers = arrays()
    values = np.full(layers["label"].shape, np.nan, np.float32)
    values[..., 4:6] = 900.0
    slab = layers["label"].with_data(np.isfinite(values))
    _, panels = axial_slices._panels(layers["label"], extent=slab)
    assert {k for k, _ in panels} == {4, 5}


def test_the_right_side_is_drawn_on_the_left():
    figure, panels = axial_slices._panels(arrays()["label"])
    left, right = panels[0][1].get_xlim()
    assert left > right  # the first axis grows towards the right of the body
    assert "R" in [t.get_text() for t in panels[0][1].texts]
    assert len(figure.axes) == len(panels)


def test_layers_are_drawn_and_absent_ones_are_none():
    layers = arrays()
    assert axial_slices.label_slices(layers).startswith("data:image/webp;base64,")
    assert axial_slices.scalar_slices(layers, "fa", "FA") is not None
    assert axial_slices.direction_slices(layers, "e1") is not None
    assert axial_slices.scalar_slices(layers, "stiffness_mdev", "kPa") is None
    assert axial_slices.contour_slices(layers, {"b0": "after"}) is None


def test_before_and_after_are_rows_of_the_same_slices():
    layers = arrays()
    once, _ = axial_slices._panels(layers["label"])
    figure, panels = axial_slices._panels(layers["label"], repeat=2)
    numbers = [k for k, _ in panels]
    half = len(panels) // 2
    assert numbers[:half] == numbers[half:]
    assert figure.get_figheight() == 2 * once.get_figheight()
    above, below = (panels[n][1].get_position() for n in (0, half))
    assert above.y0 >= below.y1
    layers["b0"] = layers["b0_before"] = layers["anatomy"]
    named = {"b0_before": "before", "b0": "after"}
    both = axial_slices.contour_slices(layers, named)
    del layers["b0_before"]
    assert len(both) > len(axial_slices.contour_slices(layers, named))


def test_curves_are_drawn_with_bursts_over_the_strike():
    curves = pd.DataFrame({
        "label": 201, "percent": [0.0, 50.0, 100.0], "mean": [100.0, 10.0, 100.0],
        "sd": [1.0, np.nan, 1.0], "n": 3, "unit": "%"})  # fmt: skip
    onsets = [
        {"label": 201, "stride": 0, "onset_percent": 90.0, "offset_percent": 112.0},
        {"label": 209, "stride": 0, "onset_percent": 5.0, "offset_percent": 9.0},
        {"label": 201, "stride": 1, "onset_percent": None, "offset_percent": None},
    ]
    assert emg_cycles(curves, onsets).startswith("data:image/svg+xml")
    assert emg_cycles(None, []) is None
    assert diffusion_curves.motion_trace([[0.0] * 6, [0.1] * 6]).startswith("data:image/svg+xml")
    assert diffusion_curves.motion_trace([[1.0, 2.0]]) is None
    assert diffusion_curves.eddy_trace([[0.0, 0.01, 0.0]] * 3).startswith("data:image/svg+xml")


@pytest.mark.parametrize("marked", [[], [2]])
@pytest.mark.filterwarnings("error")
def test_motion_curves_fill_their_picture(marked):
    assert diffusion_curves.motion_trace([[0.1 * k] * 6 for k in range(4)], marked)


def test_lost_slices_are_framed_where_they_are():
    z = np.full((6, 9), 0.3)
    z[:, 0] = 0  # not judged
    z[4, 7] = -9.0
    plain, framed = (
        diffusion_curves.lost_slices(z.tolist(), found) for found in ([], [[4, 7, -9.0]])
    )
    text = [base64.b64decode(p.split(",")[1]).decode() for p in (plain, framed)]
    assert text[1].count("<path") == text[0].count("<path") + 1


def profile(label, side, lengths, status="measured"):
    edges = np.linspace(0, 200, 6)
    return pd.DataFrame({
        "label": label, "muscle": "TA", "side": side, "part": range(1, 6), "from_mm": edges[:-1],
        "to_mm": edges[1:], "length_mm": lengths, "length_mm_sd": 2.0, "status": status,
    })  # fmt: skip


def test_profiles_of_both_sides_share_a_panel():
    both = pd.concat([profile(101, "left", 60.0), profile(201, "right", [50, 55, 60, np.nan, 70])])
    assert length_profile(both).startswith("data:image/svg+xml")
    nothing = profile(101, "left", np.nan, "not_measured")
    assert length_profile(nothing) is None
    assert length_profile(None) is None
    unknown = profile(4711, "undecided", 60.0, "extrapolated")
    assert length_profile(unknown).startswith("data:image/svg+xml")


def test_without_opengl_plain_lines_name_the_package(tmp_path, monkeypatch):
    from imaging.musclemap.vtk_files import write_fascicles

    points = np.array([[0, 0, 0], [0, 1, 30], [5, 0, 0], [5, 2, 40]], float)
    table = pd.DataFrame({"label": [201, 209], "length_mm": [30.0, 40.0]})
    write_fascicles(points, np.array([0, 2, 4]), table, {}, tmp_path / "f.vtp")

    def crash(*args, **kwargs):
        raise fascicle_scene.subprocess.CalledProcessError(-11, args[0])

    monkeypatch.setattr(fascicle_scene.subprocess, "run", crash)
    source, sentence = fascicle_scene.render(tmp_path / "f.vtp", None, None, [201, 209])
    assert source.startswith("data:image/webp;base64,")
    assert "libegl1" in sentence
    assert "libosmesa6" in sentence
