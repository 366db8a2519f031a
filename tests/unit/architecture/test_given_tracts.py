"""Tracts of other programs: cut where they leave the muscle, extended where they stop short."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from imaging.architecture.given_tracts import measure_tracts
from imaging.architecture.notes import tract_notes
from imaging.config import FibreSettings
from imaging.formats.tracts import Tracts
from imaging.geometry import sheet_from_mesh
from imaging.image import Image, apply_affine

ANGLE, HALF = 25.0, 10.0  # degrees to the plate; half its thickness, mm
LENGTH = 2 * HALF / np.sin(np.radians(ANGLE))
# Rounding the plate's edges lifts its faces by .1 to .2 mm, so that its volume stays.
NEAR = 0.2 * 2 / np.sin(np.radians(ANGLE))
ALONG = np.array([np.sin(np.radians(ANGLE)), 0.0, np.cos(np.radians(ANGLE))])
TURN = Rotation.from_euler("xyz", [15, -20, 40], degrees=True).as_matrix()
SETTINGS = FibreSettings(seed_spacing_mm=4.0)


def plate(spacing=(1.0, 1.0, 2.0), turn=None, mirrored=False):
    """A plate |x| < 10, |y| < 15, |z| < 40 mm, turned in the world, on a grid turned otherwise."""
    turn = np.eye(3) if turn is None else turn
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(np.array(spacing) * ([-1, 1, 1] if mirrored else [1, 1, 1]))
    shape = np.ceil(np.array([34, 44, 100]) / spacing).astype(int)
    affine[:3, 3] = -affine[:3, :3] @ ((shape - 1) / 2)
    p = apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1)) @ turn
    return Image(np.all(np.abs(p) < [HALF, 15, 40], axis=-1), affine)


def straight(centres, low, high, step=1.0, turn=None):
    """Straight tracts through centres, from `low` to `high` mm along the fibres."""
    at = np.arange(low, high + 1e-6, (high - low) / np.ceil((high - low) / step))
    lines = centres[:, None] + at[:, None] * ALONG
    if turn is not None:
        lines = lines @ turn.T
    offsets = np.arange(0, len(centres) + 1) * len(at)
    return Tracts(lines.reshape(-1, 3).astype(np.float32), offsets)


def centres(count=120, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform([0, -11, -14], [0, 11, 14], (count, 3))


def by_name(result):
    return {m.measure: m for m in result.measures}


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turn", [None, TURN])
def test_tracts_that_run_on_outside_are_cut_at_the_surface(turn, mirrored):
    tracts = straight(centres(), -40, 40, turn=turn)
    result = measure_tracts(107, plate(turn=turn, mirrored=mirrored), tracts, SETTINGS)
    table = result.fascicles.table
    assert len(table) == 120
    assert np.median(table.length_mm) == pytest.approx(LENGTH, abs=NEAR)
    assert np.median(table.pennation_start_deg) == pytest.approx(ANGLE, abs=0.5)
    assert np.median(table.pennation_end_deg) == pytest.approx(ANGLE, abs=0.5)
    assert table.extrapolated_fraction.max() < 1e-3
    assert set(table.status) == {"measured"}
    assert by_name(result)["fascicle_length"].value == pytest.approx(LENGTH, abs=NEAR)


@pytest.mark.parametrize("gap", [0.7, 3.0])
def test_tracts_that_stop_short_are_extended_and_the_share_is_told(gap):
    reach = LENGTH / 2 - gap
    result = measure_tracts(107, plate(), straight(centres(), -reach, reach), SETTINGS)
    table = result.fascicles.table
    assert np.median(table.length_mm) == pytest.approx(LENGTH, abs=NEAR)
    assert np.median(table.extrapolated_fraction) == pytest.approx(
        2 * gap / LENGTH, abs=NEAR / LENGTH
    )
    assert by_name(result)["extrapolated_fraction"].value == pytest.approx(
        2 * gap / LENGTH, abs=NEAR / LENGTH
    )


def test_an_end_deep_in_the_muscle_is_no_end_of_a_fascicle():
    result = measure_tracts(107, plate(), straight(centres(), -LENGTH / 2, 8), SETTINGS)
    assert not len(result.fascicles)
    assert {m.status for m in result.measures} == {"not_measured"}
    assert result.facts["end too far from a surface"] == 120


def test_points_and_order_begin_at_the_distal_end_whichever_way_tracts_were_tracked():
    tracts = straight(centres(), -30, 30)
    ways = Tracts(tracts.points[::-1].copy(), tracts.offsets)
    for given in (tracts, ways):
        table = measure_tracts(107, plate(), given, SETTINGS).fascicles.table
        assert (table.start_z < table.end_z).all()


def test_an_aponeurosis_parts_tracts_into_fascicles_of_both_sides():
    y, z = np.meshgrid(np.linspace(-18, 18, 13), np.linspace(-45, 45, 31), indexing="ij")
    corners = np.stack([0 * y + 2.0, y, z], axis=-1).reshape(-1, 3)
    n = np.arange(corners.shape[0]).reshape(y.shape)
    a, b, c, d = (q.ravel() for q in (n[:-1, :-1], n[1:, :-1], n[1:, 1:], n[:-1, 1:]))
    sheet = sheet_from_mesh(
        corners, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    )
    result = measure_tracts(101, plate(), straight(centres(), -40, 40), SETTINGS, [sheet])
    table = result.fascicles.table
    assert len(table) == 240
    short, long = np.sort(table.length_mm.to_numpy()).reshape(2, -1)
    assert np.median(short) == pytest.approx(8 / np.sin(np.radians(ANGLE)), abs=0.3)
    assert np.median(long) == pytest.approx(12 / np.sin(np.radians(ANGLE)), abs=0.3)
    # The volume mean counts each side by its share of the muscle: .4 and .6.
    mean = (0.4 * 8 + 0.6 * 12) / np.sin(np.radians(ANGLE))
    assert by_name(result)["fascicle_length"].value == pytest.approx(mean, abs=0.7)


def test_without_its_aponeurosis_a_bipennate_muscle_has_no_lengths():
    tracts = straight(centres(), -40, 40)
    for label, flag in ((101, False), (1001, True)):
        result = measure_tracts(label, plate(), tracts, SETTINGS, bipennate=flag)
        assert by_name(result)["fascicle_length"].status == "not_measured"
        assert "aponeurosis" in by_name(result)["fascicle_length"].note
        assert set(result.fascicles.table.status) == {"not_measured"}


def test_means_do_not_depend_on_where_tracts_lie_dense():
    """Steep fascicles above, flat ones below; the upper half is tracked ten times as densely."""
    rng = np.random.default_rng(3)

    def fan(low, high, angle, count):
        way = np.array([np.sin(np.radians(angle)), 0.0, np.cos(np.radians(angle))])
        c = rng.uniform([0, -14, low], [0, 14, high], (count, 3))
        at = np.linspace(-40, 40, 161)[:, None]
        return c[:, None] + at * way

    means = []
    for more in (1, 10):
        lines = np.concatenate([fan(-36, 0, 60, 300), fan(0, 36, 40, 300 * more)])
        offsets = np.arange(len(lines) + 1) * 161
        tracts = Tracts(lines.reshape(-1, 3).astype(np.float32), offsets)
        rows = by_name(measure_tracts(107, plate(), tracts, SETTINGS))
        means.append([rows[k].value for k in ("fascicle_length", "pennation_start")])
        per_fascicle = rows["fascicle_length_per_fascicle"].value
    np.testing.assert_allclose(means[0], means[1], rtol=0.015)
    assert per_fascicle is not None


def test_few_tracts_are_not_a_muscle():
    result = measure_tracts(107, plate(), straight(centres(4), -40, 40), SETTINGS)
    assert {m.status for m in result.measures} == {"not_measured"}
    assert "4 tracts" in by_name(result)["fascicle_length"].note


def some_left_out(deep, corners=0):
    """Of 100 tracts `deep` stop far from the far face; `corners` cross a corner, one lies away."""
    middles = centres(100)
    parts = [
        straight(middles[deep:], -40, 40),
        straight(middles[:deep], -40, LENGTH / 2 - 20),
        straight(np.tile([300.0, 0, 0], (1, 1)), -40, 40),
    ]
    if corners:
        at = np.array([[HALF - 0.7, y, 0.0] for y in np.linspace(-10, 10, corners)])
        ends = at[:, None] + np.array([[[9.0, 0, 0]], [[0.0, 0, 0]], [[9.0, 0, 1.5]]]).reshape(3, 3)
        parts.append(Tracts(ends.reshape(-1, 3).astype(np.float32), 3 * np.arange(corners + 1)))
    starts = np.cumsum([0, *(p.offsets[-1] for p in parts)])
    offsets = [p.offsets[:-1] + a for p, a in zip(parts, starts, strict=False)]
    points = np.concatenate([p.points for p in parts])
    return Tracts(points, np.concatenate([*offsets, [len(points)]]))


@pytest.mark.parametrize(("deep", "named", "status"), [
    (10, False, "measured"), (30, True, "measured"), (73, True, "not_measured"),
])  # fmt: skip
def test_tracts_that_are_left_out_are_told(deep, named, status):
    result = measure_tracts(107, plate(), some_left_out(deep, corners=40), SETTINGS)
    rows, notes = by_name(result), tract_notes([result], SETTINGS, {107: "left GM"})
    assert len(result.fascicles) == 100 - deep
    said = (
        f"{deep} of 100 tracts inside the muscle ({deep} %) were left out: {deep} end further than "
        "10 mm from a surface"
    )
    assert result.facts["left out"] == (
        f"{said}; 40 more, shorter than 8 mm, only touch it; 1 of all 141 lie outside it"
    )
    for name in ("fascicle_length", "pennation_start", "pcsa_anatomical", "curvature"):
        assert rows[name].status == status
        assert (said in rows[name].note) == named
    assert (rows["fascicle_length"].value is None) == (status == "not_measured")
    assert rows["fascicles"].value == 100 - deep
    assert set(result.fascicles.table.status) == {status}
    warned = [w for w in notes.warnings if said in w]
    assert len(warned) == named
    if status == "not_measured":
        assert warned[0].startswith("left GM: 73 of 100")
        assert "cannot stand for the muscle" in warned[0]
        assert "aponeurosis missing" in warned[0]
        assert "cannot stand for the muscle" in rows["fascicle_length"].note


def test_few_fascicles_say_why_the_others_are_none():
    result = measure_tracts(107, plate(), some_left_out(95), SETTINGS)
    assert "95 end further than 10 mm" in by_name(result)["fascicle_length"].note
