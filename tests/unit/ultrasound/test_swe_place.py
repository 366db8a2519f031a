"""Frames lie where tracking and landmarks say, whichever way their pixels run."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from imaging.errors import ImageError
from imaging.ultrasound.placement import place
from imaging.ultrasound.pose import image_to_reference, matrix_of, orientation_to_mf, tracked_frames
from imaging.ultrasound.regions import Region, pixel_size_mm


def motion(seed, size=100.0):
    rng = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(random_state=seed).as_matrix()
    matrix[:3, 3] = rng.uniform(-size, size, 3)
    return matrix


def move(matrix, points):
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def words(matrix):
    return " ".join(f"{v:.10g}" for v in matrix.ravel())


def marks(count, seed=0, size=60.0):
    return np.random.default_rng(seed).uniform(-size, size, (count, 3))


@pytest.mark.parametrize("count", [3, 4, 8])
def test_exact_landmarks_give_the_exact_motion(count):
    wanted, points = motion(1), marks(count)
    found = place(points, move(wanted, points))
    np.testing.assert_allclose(found.matrix, wanted, atol=1e-9)
    assert found.fiducial_mm < 1e-9
    assert np.isnan(found.left_out_mm).all() == (count == 3)


def test_a_mirrored_set_is_refused():
    points = marks(6)
    with pytest.raises(ImageError, match="only as a mirror image"):
        place(points, points * [-1, 1, 1])


def test_noise_is_not_taken_for_a_mirror():
    rng = np.random.default_rng(0)
    for seed in range(50):
        points = marks(4, seed, 25.0)
        place(points, move(motion(seed), points) + rng.normal(0, 1.0, points.shape))


@pytest.mark.parametrize("factor", [0.1, 0.8, 10.0])
def test_another_scale_is_refused(factor):
    points = marks(5)
    with pytest.raises(ImageError, match="times as far apart"):
        place(points, points * factor)


def test_points_on_a_line_or_too_few_are_refused():
    line = np.linspace(0, 80, 5)[:, None] * np.array([[0.6, 0.8, 0.0]])
    with pytest.raises(ImageError, match="on one line"):
        place(line, line)
    with pytest.raises(ImageError, match="2 landmarks"):
        place(marks(2), marks(2))


def test_the_landmark_that_is_wrong_is_missed_most():
    points = marks(7)
    target = move(motion(3), points)
    target[4] += [0, 9, 0]
    assert np.argmax(place(points, target).left_out_mm) == 4


def test_expected_errors_are_those_that_come_about():
    points, where = marks(8), np.array([[10.0, -20, 5], [90, 0, 0]])
    rng, wanted = np.random.default_rng(5), motion(4)
    away, expected, turned, turn = [], [], [], []
    for _ in range(300):
        found = place(points, move(wanted, points) + rng.normal(0, 0.7 / np.sqrt(3), points.shape))
        away.append(np.linalg.norm(move(found.matrix, where) - move(wanted, where), axis=1))
        expected.append(found.target_mm(where))
        off = Rotation.from_matrix(found.matrix[:3, :3] @ wanted[:3, :3].T)
        turned.append(np.degrees(off.magnitude()) / np.sqrt(3))
        turn.append(found.turn_deg)
    rms = np.sqrt(np.mean(np.square(away), axis=0))
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(expected), axis=0)), rms, rtol=0.1)
    assert rms[0] < 0.4  # eight landmarks, 0.7 mm each
    assert np.sqrt(np.mean(np.square(turned))) <= np.mean(turn) < 2 * np.mean(turned)


def fields_of(chain, status="OK", count=2):
    fields = {"UltrasoundImageOrientation": "MFA", "ImageToProbeTransform": words(chain[0])}
    for k in range(count):
        fields[f"Seq_Frame{k:04d}_ProbeToTrackerTransform"] = words(chain[1])
        fields[f"Seq_Frame{k:04d}_ProbeToTrackerTransformStatus"] = status if k else "OK"
        fields[f"Seq_Frame{k:04d}_ReferenceToTrackerTransform"] = words(chain[2])
        fields[f"Seq_Frame{k:04d}_ReferenceToTrackerTransformStatus"] = "OK"
        fields[f"Seq_Frame{k:04d}_Timestamp"] = "0.1"
    return fields


CALIBRATION = motion(7, 10) @ np.diag([0.2, 0.2, 0.2, 1.0])


def test_the_chain_ends_in_the_reference():
    probe, reference = motion(8), motion(9)
    frames = tracked_frames(fields_of((CALIBRATION, probe, reference)), 2)
    found = image_to_reference(frames[0], None)
    np.testing.assert_allclose(found, np.linalg.inv(reference) @ probe @ CALIBRATION, atol=1e-6)


def test_a_calibration_declared_beside_takes_the_place_of_one_in_the_file():
    probe, reference = motion(8), motion(9)
    frame = tracked_frames(fields_of((np.eye(4), probe, reference)), 1)[0]
    found = image_to_reference(frame, CALIBRATION)
    np.testing.assert_allclose(found, np.linalg.inv(reference) @ probe @ CALIBRATION, atol=1e-6)


@pytest.mark.parametrize("status", ["INVALID", "MISSING", "OUT_OF_VIEW", "invalid"])
def test_frames_with_bad_tracking_have_no_place(status):
    frames = tracked_frames(fields_of((CALIBRATION, motion(1), motion(2)), status), 2)
    assert image_to_reference(frames[0], None) is not None
    assert image_to_reference(frames[1], None) is None
    assert frames[1].refused == ("ProbeToTrackerTransform",)


def test_what_is_missing_or_not_rigid_is_named():
    fields = fields_of((CALIBRATION, motion(1), motion(2)), count=1)
    del fields["Seq_Frame0000_ReferenceToTrackerTransform"]
    with pytest.raises(ImageError, match="no ReferenceToTrackerTransform"):
        image_to_reference(tracked_frames(fields, 1)[0], None)
    fields = fields_of((CALIBRATION, np.diag([2.0, 2, 2, 1]), motion(2)), count=1)
    with pytest.raises(ImageError, match="not a rigid motion"):
        image_to_reference(tracked_frames(fields, 1)[0], None)
    del fields["ImageToProbeTransform"]
    with pytest.raises(ImageError, match="no ImageToProbe"):
        image_to_reference(tracked_frames(fields, 1)[0], None)


@pytest.mark.parametrize("content", ["1 2 3", [[1, 0, 0, 0]], "a b", np.zeros((4, 4)).tolist(),
                                     (np.eye(4) * 2).tolist()])  # fmt: skip
def test_what_is_no_matrix_is_refused(content):
    with pytest.raises(ImageError, match="Calibration"):
        matrix_of(content, "Calibration")


@pytest.mark.parametrize(
    ("letters", "pixel"),
    [("MF", (30, 10)), ("MFA", (30, 10)), ("UF", (69, 10)), ("MN", (30, 29)), ("UN", (69, 29)),
     ("FM", (10, 30)), ("FU", (10, 69)), ("NM", (29, 30)), ("NU", (29, 69))],
)  # fmt: skip
def test_stored_pixels_come_to_one_orientation(letters, pixel):
    # The point is 30 pixels from the unmarked end (of 100) and 10 from the probe (of 40).
    shape = (40, 100) if letters[0] in "MU" else (100, 40)
    found = orientation_to_mf(letters, shape) @ [*pixel, 0, 1]
    np.testing.assert_allclose(found, [30, 10, 0, 1])


@pytest.mark.parametrize("letters", ["", "M", "MM", "MU", "XF", "FN", "MFAA"])
def test_unknown_orientations_are_refused(letters):
    with pytest.raises(ImageError, match="UltrasoundImageOrientation"):
        orientation_to_mf(letters, (40, 100))


UPPER = Region((0, 0, 499, 299), 1, (3, 3), (0.012, 0.015))
LOWER = Region((0, 300, 499, 599), 1, (3, 3), (0.02, -0.02))
TRACE = Region((0, 0, 499, 599), 3, (4, 3), (0.01, 0.01))


def test_the_region_around_the_box_gives_the_pixel():
    assert pixel_size_mm([TRACE, LOWER, UPPER], (10, 10, 500, 300)) == (0.12, 0.15)
    assert pixel_size_mm([TRACE, LOWER, UPPER], (10, 300, 200, 600)) == (0.2, 0.2)


@pytest.mark.parametrize("box", [(10, 290, 200, 310), (10, 10, 501, 200)])
def test_a_box_in_no_region_has_no_pixel_size(box):
    with pytest.raises(ImageError, match="none holds the whole ColorBox"):
        pixel_size_mm([TRACE, LOWER, UPPER], box)


def test_regions_that_disagree_are_refused():
    other = Region(UPPER.box, 1, (3, 3), (0.02, 0.02))
    with pytest.raises(ImageError, match="different pixel sizes"):
        pixel_size_mm([UPPER, other], (10, 10, 50, 50))
