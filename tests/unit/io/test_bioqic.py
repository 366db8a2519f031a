"""The layout of the BIOQIC phantom in both kinds of MATLAB files, with a known modulus."""

import h5py
import numpy as np
import pytest
import scipy.io

from benchmarks.bioqic import table, truth
from imaging.errors import InputError
from imaging.io.waves.read import read_waves

SHAPE = (60, 83, 9)
HERTZ = (80.0, 100.0)
MODULUS = 4000 * np.exp(0.1j)


@pytest.fixture(scope="module")
def phantom():
    """Phase (row, column, slice, time, component, frequency) of plane shear waves in a gel."""
    rng = np.random.default_rng(0)
    place = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1) * 1.5e-3
    phase = np.empty((*SHAPE, 8, 3, len(HERTZ)))
    for f, hertz in enumerate(HERTZ):
        k = -2 * np.pi * hertz * np.sqrt(1000 / MODULUS)
        u = np.zeros((*SHAPE, 3), complex)
        for way, along in (((1, 0.3, 0.2), 2), ((-0.2, 1, 0.4), 0), ((0.5, -0.6, 0.3), 1)):
            way = np.array(way) / np.linalg.norm(way)
            across = np.cross(way, np.eye(3)[along])
            u += np.exp(1j * k * (place @ way))[..., None] * across
        u *= 2.5 / np.abs(u).max()
        for n in range(8):
            moving = (u * np.exp(2j * np.pi * n / 8)).real
            # Components: slice, column, row.
            phase[..., n, :, f] = moving[..., ::-1] + 0.02 * rng.standard_normal((*SHAPE, 3))
    return np.angle(np.exp(1j * phase))


def write(path, phase, hdf5=False, **changes):
    magnitude = np.full(phase.shape, 500.0)
    info = {"dx_m": 1.5e-3, "dy_m": 1.5e-3, "dz_m": 1.5e-3, "frequencies_Hz": np.array(HERTZ)}
    content = {"phase": phase, "magnitude": magnitude, "info": info} | changes
    content = {k: v for k, v in content.items() if v is not None}
    if not hdf5:
        scipy.io.savemat(path, content, do_compression=True)
        return path
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in content.items():
            if isinstance(value, dict):
                for key, item in value.items():
                    file[f"{name}/{key}"] = np.atleast_2d(item).T
            else:
                file[name] = value.T
    text = "MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: x HDF5 schema 1.00 ."
    head = text.ljust(116).encode() + bytes(8) + b"\x00\x02IM"
    with path.open("r+b") as file:
        file.write(head)
    return path


@pytest.mark.parametrize("hdf5", [False, True])
def test_both_kinds_of_files_read_alike(tmp_path, phantom, hdf5):
    recordings = list(read_waves(write(tmp_path / "phantom_raw.mat", phantom, hdf5)))
    assert [r.images.frequency_hz for r in recordings] == list(HERTZ)
    first = recordings[0].images
    assert first.phase.shape == (*SHAPE, 3, 8, 1)
    np.testing.assert_allclose(first.phase[..., 1, 5, 0], phantom[..., 5, 1, 0], atol=1e-6)
    np.testing.assert_allclose(np.diag(first.affine), [1.5, 1.5, 1.5, 1])
    assert recordings[0].magnitude.shape == first.phase.shape


def test_benchmark_finds_the_modulus_of_a_gel(tmp_path, phantom, capsys):
    found = table(write(tmp_path / "phantom_raw.mat", phantom, magnitude=None))
    for method in ("MDEV", "curl", "virtual fields"):
        assert found["matrix"][method] == pytest.approx(4.0, rel=0.06), method
    assert "divergence" in capsys.readouterr().out
    assert set(found) == {"matrix", *(f"inclusion {k}" for k in range(1, 5))}


def test_exchanged_components_are_put_in_order(tmp_path, phantom):
    turned = phantom[..., [1, 0, 2], :] * np.array([1, -1, 1])[:, None]
    one = {"frequencies_Hz": np.array(HERTZ[1:])}
    path = write(tmp_path / "phantom_raw.mat", turned[..., 1:], magnitude=None, info=one)
    found = table(path)
    assert found["matrix"]["curl"] == pytest.approx(4.0, rel=0.06)


def test_constants_of_the_literature():
    assert truth("matrix", [60.0]) == pytest.approx(10030, rel=0.01)
    assert truth("inclusion 1", [60.0]) > 2.5 * truth("inclusion 4", [60.0]) / 1.2


def test_other_files_are_refused(tmp_path):
    small = np.zeros((6, 6, 4, 8, 3, 2))
    path = write(tmp_path / "x.mat", small[..., 0], magnitude=None)
    with pytest.raises(InputError, match="no phase over six axes"):
        list(read_waves(path))
    path = write(tmp_path / "x.mat", small, info={"frequencies_Hz": np.array([60.0])})
    with pytest.raises(InputError, match="for 1 frequencies"):
        list(read_waves(path))
    broken = tmp_path / "broken.mat"
    broken.write_bytes(b"no MATLAB" * 50)
    with pytest.raises(InputError, match="MATLAB"):
        list(read_waves(broken))
