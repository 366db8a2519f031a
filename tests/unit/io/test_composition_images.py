"""Images for fat fraction and T2, given as scanners and people give them."""

import json

import nibabel as nib
import numpy as np
import pytest

from imaging.errors import ImageError
from imaging.io.composition import read_pair, read_spin_echoes

TIMES = np.arange(1, 9) * 8.0


def save(path, data):
    nib.Nifti1Image(np.asarray(data, np.float32), np.diag([3, 3, 6, 1])).to_filename(path)
    return path


def train(slices=4):
    """Slices whose brightness differs, in air."""
    still = np.zeros((12, 12, slices))
    still[3:9, 3:9] = 300.0 + 40 * np.arange(slices)
    return still[..., None] * np.exp(-TIMES / 35.0)


def given(tmp_path, data, times=TIMES):
    path = save(tmp_path / "leg_MESE.nii.gz", data)
    path.with_name("leg_MESE.json").write_text(json.dumps({"EchoTime": list(times / 1000)}))
    return [path]


def test_a_train_is_read_in_the_order_of_its_times(tmp_path):
    echoes, told = read_spin_echoes(given(tmp_path, train()[..., ::-1], TIMES[::-1]))
    assert echoes.echo_s == pytest.approx(TIMES / 1000)
    np.testing.assert_allclose(echoes.magnitudes.data, train(), rtol=1e-5)
    assert told == []


def test_slices_and_echoes_in_turn_are_refused(tmp_path):
    mixed = train().transpose(0, 1, 3, 2).reshape(12, 12, 4, 8, order="F")
    with pytest.raises(ImageError, match="does not fall from echo to echo"):
        read_spin_echoes(given(tmp_path, mixed))


def test_a_first_echo_without_stimulated_ones_and_a_floor_of_noise_are_no_rise(tmp_path):
    data = train()
    data[..., 0] *= 0.7
    data[..., 5:] = np.where(data[..., 5:] > 0, 60.0, 0)
    echoes, _ = read_spin_echoes(given(tmp_path, data))
    assert echoes.magnitudes.data.shape == data.shape


def test_an_offset_of_the_scaling_is_0_and_said_but_a_phase_is_refused(tmp_path):
    data = train()
    echoes, told = read_spin_echoes(given(tmp_path, np.where(data == 0, -2.0, data)))
    assert echoes.magnitudes.data.min() == 0
    assert "values down to -2" in told[0]
    with pytest.raises(ImageError, match=r"negative values \(down to -300\)"):
        read_spin_echoes(given(tmp_path, np.where(data == 0, -300.0, data)))


def test_water_and_fat_may_have_the_offset_too(tmp_path):
    still = train()[..., 0]
    water = save(tmp_path / "w.nii.gz", np.where(still == 0, -1.0, still))
    fat = save(tmp_path / "f.nii.gz", still / 20)
    assert read_pair(water, fat)[0].data.min() == 0
    with pytest.raises(ImageError, match="negative values"):
        read_pair(water, save(tmp_path / "f.nii.gz", -still))


def test_nothing_but_air_is_refused(tmp_path):
    with pytest.raises(ImageError, match="no signal"):
        read_spin_echoes(given(tmp_path, 0 * train()))
