"""A personal model of a small leg that OpenSim makes; skipped where OpenSim is not installed."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from opensim_errors import messages

from imaging.cli.app import main
from imaging.config import ModelSettings
from imaging.errors import MissingToolError
from imaging.export.opensim.files import write_model
from imaging.export.opensim.library import apart, require_opensim
from imaging.export.opensim.motion import muscles_in_motion
from imaging.export.opensim.rewrite import Wanted, read_generic, write_personal
from imaging.isolation import run_apart
from imaging.measures import Measure
from imaging.muscles import label_of

KEYS = ("TA", "EDL", "EHL", "PL", "PB", "GM", "GL", "SOL", "TP", "FDL", "FHL")
LABELS = [label_of(k, "right") for k in KEYS]

needs_opensim = pytest.mark.skipif(
    importlib.util.find_spec("opensim") is None, reason="opensim is not installed"
)


@pytest.fixture(scope="module")
def leg(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("leg")
    builder = Path(__file__).with_name("opensim_leg.py")
    subprocess.run([sys.executable, builder, folder], check=True, cwd=folder, capture_output=True)
    return folder


def measures(lengths=50.0, **own):
    out = []
    for key, label in zip(KEYS, LABELS, strict=True):
        length = own.get(key, lengths)
        out += [
            Measure(label, "volume", 80.0, "ml"),
            Measure(label, "coverage", 1.0, "1"),
            Measure(label, "fascicle_length", length, "mm", n=9, ci_low=0.9 * length,
                    ci_high=1.1 * length),
            Measure(label, "pennation_line", 18.0, "deg", n=9),
        ]  # fmt: skip
    return out


def written(folder, leg, rows=None, settings=None, name="leg", **more):
    folder.mkdir(exist_ok=True)
    told = write_model(folder, "sub-01", rows or measures(), settings or ModelSettings(), [],
                       leg / f"{name}.osim", **more)  # fmt: skip
    return told, pd.read_csv(folder / "sub-01_model.tsv", sep="\t")


@pytest.fixture(scope="module")
def run(leg, tmp_path_factory):
    """Folder, notes and table of the leg with its motion."""
    folder = tmp_path_factory.mktemp("run")
    settings = ModelSettings(sarcomere_length_um=3.0, frames=20)
    more = {"motion": leg / "motion.sto", "loads": leg / "loads.xml"}
    return folder, *written(folder, leg, settings=settings, **more)


@needs_opensim
def test_what_is_written_is_read_again_and_in_equilibrium(run):
    folder, told, table = run
    assert told.facts["reread_error"] <= 1e-6 and told.facts["fibre_length_error"] <= 1e-6
    rest = table[table["parameter"].eq("rest_fibre_length_norm")]["personal"]
    np.testing.assert_allclose(rest, 50 / 45, rtol=1e-5)
    assert told.facts["moment_arm_change_m"] == 0.0 and told.facts["moment_arm_poses"] >= 10
    assert_as_asked(folder)
    assert (table["in_model"] == "yes").all()
    assert set(table["status"]) == {"assumed", "modelled"}


@needs_opensim
def test_muscles_of_another_kind_and_family(leg, tmp_path):
    settings = ModelSettings(sarcomere_length_um=3.0, frames=10)
    told, _ = written(tmp_path, leg, settings=settings, name="thelen", motion=leg / "motion.sto")
    assert_as_asked(tmp_path)
    assert any("computed as De Groote and Fregly" in w for w in told.warnings)
    states = pd.read_csv(tmp_path / "sub-01_fibrestates.tsv", sep="\t")
    assert set(states["label"]) == set(LABELS)
    assert not (tmp_path / "sub-01_forces.tsv").exists()


def assert_as_asked(folder):
    """Check a model of fibres of 50 mm, 18 degrees, sarcomeres of 3 um, 80 ml."""
    muscles = apart(read_generic, folder / "sub-01_model.osim", {})
    assert sorted(muscles) == sorted(LABELS)
    for muscle in muscles.values():
        assert muscle.optimal_fibre_length_mm == pytest.approx(45.0, rel=1e-6)
        in_scan = muscle.rest_fibre_length_norm * muscle.optimal_fibre_length_mm
        assert in_scan == pytest.approx(50.0, rel=1e-6)
        sine = np.sin(np.radians(muscle.pennation_at_optimal_deg))
        assert sine == pytest.approx(np.sin(np.radians(18)) * 50 / 45, rel=1e-6)
        assert muscle.max_isometric_force_n == pytest.approx(60 * 80 / 4.5, rel=1e-6)
        stretch = muscle.path_length_mm - 50 * np.cos(np.radians(18))
        assert 0.97 * stretch < muscle.tendon_slack_length_mm < stretch


@needs_opensim
def test_generic_measures_give_the_generic_model(leg, tmp_path):
    generic = apart(read_generic, leg / "leg.osim", {"ankle_angle_r": -15.0})
    rows = []
    for label, muscle in generic.items():
        length = muscle.rest_fibre_length_norm * muscle.optimal_fibre_length_mm
        sine = np.sin(np.radians(muscle.pennation_at_optimal_deg)) / muscle.rest_fibre_length_norm
        rows += [
            Measure(label, "fascicle_length", length, "mm"),
            Measure(label, "pennation_line", float(np.degrees(np.arcsin(sine))), "deg"),
        ]
    _, table = written(tmp_path, leg, rows, ModelSettings(pose={"ankle_angle_r": -15.0}))
    lengths = table[table["in_model"].eq("yes") & ~table["parameter"].str.startswith("rest")]
    assert len(lengths) == 3 * len(KEYS)
    np.testing.assert_allclose(lengths["ratio"], 1.0, rtol=2e-6)


@needs_opensim
def test_fibres_longer_than_the_path_keep_generic_lengths(leg, tmp_path):
    told, table = written(tmp_path, leg, measures(SOL=400.0))
    soleus = table[table["muscle"].eq("soleus_r")].set_index("parameter")
    slack = soleus.loc["tendon_slack_length"]
    assert slack["status"] == "not_measured" and "longer than the 361 mm" in slack["note"]
    assert (soleus.loc[["optimal_fibre_length", "pennation_at_optimal"], "in_model"] == "no").all()
    again = apart(read_generic, tmp_path / "sub-01_model.osim", {})[label_of("SOL", "right")]
    assert again.optimal_fibre_length_mm == pytest.approx(50.0)
    assert again.tendon_slack_length_mm == pytest.approx(300.0)
    assert any("generic in soleus_r" in w for w in told.warnings)
    assert any("optimal fibre length of soleus_r" in w for w in told.warnings)


@needs_opensim
def test_names_and_folders_of_the_given_model_are_left_out_and_bytes_repeat(leg, run, tmp_path):
    written(tmp_path, leg, settings=ModelSettings(sarcomere_length_um=3.0, frames=20))
    text = (run[0] / "sub-01_model.osim").read_text()
    assert '<Model name="sub-01">' in text and "<mesh_file>tibia.vtp<" in text
    assert not re.search("jane|roe", text, re.IGNORECASE)
    for name in ("sub-01_model.osim", "sub-01_model.tsv"):
        assert (tmp_path / name).read_bytes() == (run[0] / name).read_bytes(), name


@needs_opensim
def test_motion_closes_the_joint_moments(run):
    folder, told, _ = run
    moments = pd.read_csv(folder / "sub-01_moments.tsv", sep="\t")
    assert set(moments["joint"]) == {"knee_angle_r", "ankle_angle_r"}
    np.testing.assert_allclose(
        moments["muscles_nm"] + moments["reserve_nm"], moments["moment_nm"], atol=2e-3
    )
    assert moments["moment_nm"].abs().max() > 10
    states = pd.read_csv(folder / "sub-01_fibrestates.tsv", sep="\t")
    assert set(states["label"]) == set(LABELS)
    assert states["force_length"].between(0, 1).all() and states["force_velocity"].gt(0).all()
    assert set(told.facts) >= {"reserves_generic", "reserves_personal"}
    forces = pd.read_csv(folder / "sub-01_forces.tsv", sep="\t")
    assert forces["activation"].between(0, 1).all()
    assert set(forces["model"]) == {"generic", "personal"}


@needs_opensim
def test_static_moment_is_that_of_the_load(leg, tmp_path):
    text = (leg / "motion.sto").read_text().split("endheader\n")
    names, *rows = text[1].splitlines()
    still = [f"{row.split()[0]}\t0\t0" for row in rows]
    path = tmp_path / "still.sto"
    path.write_text(f"{text[0]}endheader\n{names}\n" + "\n".join(still) + "\n")
    found = apart(muscles_in_motion, leg / "leg.osim", path, leg / "loads.xml", None, 10)
    ankle = found.moments_nm[:, found.joints.index("ankle_angle_r")]
    # 300 N up, .1 m before the ankle; the foot's weight passes through it.
    np.testing.assert_allclose(ankle, -30.0, atol=1e-6)
    np.testing.assert_allclose(found.velocity, 0.0, atol=1e-9)
    assert found.residual_share == pytest.approx(abs(300 / (12 * 9.80665) - 1), rel=1e-6)


@needs_opensim
def test_fibre_speed_is_the_slope_of_fibre_length(leg):
    found = apart(muscles_in_motion, leg / "leg.osim", leg / "motion.sto", None, None, 90)
    slope = np.gradient(found.length, found.time_s, axis=0)
    taut = found.force_length > 0
    taut[:2] = taut[-2:] = False
    taut &= np.roll(taut, 1, axis=0) & np.roll(taut, -1, axis=0)
    assert taut.mean() > 0.9
    np.testing.assert_allclose(found.velocity[taut] * 10, slope[taut], atol=0.02)  # 10 per s
    assert found.moments_nm is None


def refused(calls, monkeypatch):
    """Check that each call is refused with its sentence, all in one process."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *sys.path]))
    said = run_apart(messages, [call[:2] for call in calls])
    for (_, _, wanted), message in zip(calls, said, strict=True):
        assert re.search(wanted, message), message


@needs_opensim
def test_what_is_no_model_or_no_pose_of_it_is_refused(leg, tmp_path, monkeypatch):
    text = (leg / "leg.osim").read_text()
    files = {
        "text.osim": "hello",
        "cut.osim": text[:30_000],
        "none.osim": '<OpenSimDocument Version="40500"><Model name="a"/></OpenSimDocument>',
        "other.osim": re.sub(r'(Muscle name="\w+)_r"', r'\1_x"', text),
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    no_model = "InputError.*not a model that OpenSim can read"
    calls = [
        (read_generic, (tmp_path / "text.osim", {}), no_model),
        (read_generic, (tmp_path / "cut.osim", {}), no_model),
        (read_generic, (tmp_path / "none.osim", {}), "InputError.*has no muscle"),
        (read_generic, (tmp_path / "other.osim", {}), "no lower-leg muscle under a known name"),
        (read_generic, (leg / "inches.osim", {}), "is in inches and N"),
        (read_generic, (leg / "leg.osim", {"ankle_angle": -10}),
         "ConfigError.*ankle_angle, which the model does not have"),
        (read_generic, (leg / "leg.osim", {"ankle_angle_r": 80}),
         "ConfigError.*ankle_angle_r cannot be 80 degrees; it goes from -46 to 46"),
    ]  # fmt: skip
    refused(calls, monkeypatch)


@needs_opensim
def test_motions_and_loads_that_would_mislead_are_refused(leg, tmp_path, monkeypatch):
    text = (leg / "motion.sto").read_text()
    head, body = text.split("endheader\n")
    names, *rows = body.splitlines()
    timed = [row.split("\t") for row in rows]
    slow = "\n".join([f"{head}endheader", names, *(
        "\t".join([str(1000 * float(row[0])), *row[1:]]) for row in timed), ""])  # fmt: skip
    changes = [
        ("inDegrees=no", "nothing=no", "does not say inDegrees"),
        ("inDegrees=no", "inDegrees=yes", "seem to be radians"),
        ("knee_angle_r\tankle_angle_r", "a\tb", "no joint angle of the model"),
        ("\t-0.4\t", "\t-25\t", "reaches 25.0 rad"),
        ("\n0.02\t", "\n0.005\t", "cannot be read by OpenSim as a motion"),
        (text, slow, "is its time in seconds"),
        ("\n0.5\t", "\nnan\t", "cannot be read by OpenSim as a motion|gaps|does not rise"),
    ]
    calls = []
    for number, (before, after, said) in enumerate(changes):
        assert before in text
        path = tmp_path / f"{number}.sto"
        path.write_text(text.replace(before, after, 1))
        calls.append((muscles_in_motion, (leg / "leg.osim", path, None, None, 10), said))
    alone, elsewhere = tmp_path / "alone" / "loads.xml", tmp_path / "elsewhere.xml"
    alone.parent.mkdir()
    alone.write_bytes((leg / "loads.xml").read_bytes())
    elsewhere.write_text((leg / "loads.xml").read_text().replace("calcn_r", "talus_l"))
    (tmp_path / "loads.mot").write_bytes((leg / "loads.mot").read_bytes())
    for loads, said in (
        (leg / "late.xml", "no time in common"),
        (alone, "external loads cannot be read"),
        (elsewhere, "names the body talus_l"),
    ):
        arguments = (leg / "leg.osim", leg / "motion.sto", loads, None, 10)
        calls.append((muscles_in_motion, arguments, said))
    refused(calls, monkeypatch)


@needs_opensim
def test_a_negative_slack_length_is_never_written(leg, tmp_path):
    target = tmp_path / "p.osim"
    label = label_of("TP", "right")
    # The path is 360 mm: with such a stiff fibre only a negative tendon would be left.
    found = apart(write_personal, leg / "leg.osim", target, "p", {},
                  {label: Wanted(359.9, 359.0, 0.1, None)})  # fmt: skip
    assert all(m.tendon_slack_length_mm > 0 for m in found.muscles.values())


def test_without_opensim_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingToolError, match=re.escape("pip install 'pennate[opensim]'")):
        require_opensim()
    with pytest.raises(MissingToolError):
        write_model(tmp_path, "sub-01", measures(), ModelSettings(), [], tmp_path / "a.osim")


def test_the_table_is_written_without_a_model(tmp_path):
    from synthetic_map import write_map

    write_map(tmp_path / "map")
    arguments = ["model", "--map-dir", str(tmp_path / "map"), "--prefix", "sub-01"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    table = pd.read_csv(tmp_path / "out" / "sub-01_model.tsv", sep="\t")
    assert {"optimal_fibre_length", "tendon_slack_length"} <= set(table["parameter"])
    assert not list((tmp_path / "out").glob("*.osim"))
    page = tmp_path / "page" / "sub-01.html"
    given = ["--map-dir", str(tmp_path / "map"), "--model-dir", str(tmp_path / "out")]
    assert main(["report", *given, "--prefix", "sub-01", "--out", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert '<div id="model">' in text and "No OpenSim model was given" in text
    assert "sub-01_model.tsv" in page.with_suffix(".json").read_text()
    assert main([*arguments, "--out", str(tmp_path), "--loads", "a.xml"]) == 2
    assert main([*arguments, "--out", str(tmp_path), "--model", "none.osim"]) == 2
