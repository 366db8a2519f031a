"""Random tissue: sheets within muscles."""

import numpy as np

from imaging.training.appearance import draw_appearance, draw_fields
from imaging.training.batches import draw_image
from imaging.training.choices import draw_choices


def looks(count=60):
    for seed in range(count):
        rng = np.random.default_rng(seed)
        appearance = draw_appearance(rng, draw_choices(rng, 0.5), 0.5)
        yield appearance, draw_fields(rng, appearance, 0.5)


def test_sheets_are_thin_and_only_where_a_muscle_has_one():
    with_sheet = 0
    for appearance, fields in looks():
        has = bool(appearance.muscles[1].any())
        with_sheet += has
        assert has == bool(fields[3].any())
        assert fields[3].min() >= 0 and fields[3].max() <= 1
        assert (fields[3] > 0.3).mean() < 0.10
    assert 15 < with_sheet < 45


def test_a_sheet_changes_the_picture_and_not_the_labels(tube, monkeypatch):
    def image(share):
        def fields(rng, appearance, difficulty):
            out = draw_fields(rng, appearance, difficulty)
            out[3] = share
            appearance.muscles[1] = 1.0
            return out

        monkeypatch.setattr("imaging.training.batches.draw_fields", fields)
        return draw_image(np.random.default_rng(3), tube, 0.0, 0.5, False)

    (x, y), (x_sheet, y_sheet) = image(0.0), image(0.5)
    np.testing.assert_array_equal(y, y_sheet)
    assert np.abs(x - x_sheet).max() > 0.1
