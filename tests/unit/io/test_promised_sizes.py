"""Recordings and pictures that promise more than the memory: refused before it is taken."""

import struct
import warnings
import zlib

import h5py
import numpy as np
import pydicom
import pytest
import scipy.io
import tifffile
from edfio import Edf, EdfSignal
from pydicom.encaps import encapsulate

from imaging.errors import ImageError, InputError, RecordingError
from imaging.io import dicom_size
from imaging.io.dicom_size import pixels_of, read_dicom
from imaging.io.edf import read_bids_emg
from imaging.io.ultrasound_frames import _opened, _picture
from imaging.io.waves.bioqic import read_phantom

RLE, DEFLATED, PLAIN = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.1"


def dicom(path, rows=4, columns=4, frames=1, syntax=PLAIN):
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.3.1"
    data.SOPInstanceUID = "1.2.3"
    data.Rows, data.Columns, data.NumberOfFrames = rows, columns, frames
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "RGB", 0
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.PixelData = encapsulate([bytes(64)]) if syntax == RLE else bytes(48)
    data["PixelData"].is_undefined_length = syntax == RLE
    data["PixelData"].VR = "OB"
    data.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("syntax", [PLAIN, RLE])
def test_dicom(tmp_path, syntax):
    path = dicom(tmp_path / "a.dcm", 60_000, 60_000, 1000, syntax)
    with pytest.raises(InputError, match=r"1000x60000x60000x3 values, .* would need .* GiB"):
        pixels_of(read_dicom(path), path)
    path = dicom(path)
    assert pixels_of(read_dicom(path), path).shape == (4, 4, 3)


def test_deflated_dicom_must_fit_into_the_memory(tmp_path, monkeypatch):
    path = dicom(tmp_path / "a.dcm", syntax=DEFLATED)
    assert pixels_of(read_dicom(path), path).shape == (4, 4, 3)
    monkeypatch.setattr(dicom_size, "memory_limit", lambda: 300)
    with pytest.raises(ImageError, match="once unpacked"):
        read_dicom(path)


def png(path, width, height):
    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + body)
    return path


def tiff(path, size):
    tifffile.imwrite(path, np.zeros((8, 8, 3), np.uint8), metadata=None)
    raw = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", raw, 4)
    (count,) = struct.unpack_from("<H", raw, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", raw, at)[0] in (256, 257):
            struct.pack_into("<HII", raw, at + 2, 4, 1, size)
    path.write_bytes(bytes(raw))
    return path


def test_pictures(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ImageError, match="decompression bomb"):
            _opened(_picture, png(tmp_path / "a.png", 100_000, 100_000))
        with pytest.raises(InputError, match="would need 2,794 GiB"):
            _opened(_picture, tiff(tmp_path / "a.tif", 10**6))
        assert _opened(_picture, tiff(tmp_path / "a.tif", 8)).shape == (8, 8, 3)


def test_matlab(tmp_path):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"phase": np.zeros((2, 2, 2, 2, 2, 2))})
    raw, shape = path.read_bytes(), struct.Struct("<6i")
    path.write_bytes(raw.replace(shape.pack(*[2] * 6), shape.pack(*[20_000] * 3, 8, 3, 8)))
    with pytest.raises(InputError, match="the array phase would need"):
        next(read_phantom(path))
    path.unlink()
    with h5py.File(path, "w", userblock_size=512) as file:  # takes no room until it is written
        chunks = (10, 10, 10, 1, 1, 1)
        file.create_dataset("phase", (10_000, 10_000, 1000, 8, 3, 8), "f4", chunks=chunks)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    with pytest.raises(InputError, match="the array phase would need"):
        next(read_phantom(path))


@pytest.mark.parametrize(
    ("start", "text"),
    [
        (236, b"99999999"),
        (252, b"9999"),
        (472, b"99999999"),
        (472, b"-9999999"),
        (184, b"99999999"),
    ],
    ids=["records", "signals", "samples", "fewer than none", "header"],
)
def test_edf(tmp_path, start, text):
    path = tmp_path / "a_emg.edf"
    signal = EdfSignal(100 * np.random.default_rng(0).normal(size=4000), 1000, label="R_TA")
    Edf([signal]).write(path)
    raw = bytearray(path.read_bytes())
    raw[start : start + len(text)] = text
    path.write_bytes(bytes(raw))
    with pytest.raises(RecordingError, match="cannot be read as EDF"):
        read_bids_emg(path)
