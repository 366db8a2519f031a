#!/usr/bin/env bash
# dcm2niix stacks the water and fat images of a Dixon series, and takes its in-phase image for a phase image.
#
# Versions: dcm2niix 1.0.20260724 (PyPI), pydicom 3.0.2, numpy 2.4.6.
# Input: one classic MR series of three images on the same four slices, told apart by ImageType alone
# (DIXON\WATER, DIXON\FAT, DIXON\IN_PHASE), as scanners send a Dixon scan as one series.
# Seen: one NIfTI of two volumes holds water and fat, and its JSON says WATER; the in-phase image,
# a magnitude, becomes a file that ends with _ph, and its JSON has PHASE in its ImageType.
# Ends with 1 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  dcm2niix==1.0.20260724 pydicom==3.0.2 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

import dcm2niix

series, study = generate_uid(), generate_uid()
Path("in").mkdir()
Path("out").mkdir()
count = 0
for kind in ("WATER", "FAT", "IN_PHASE"):
    for k in range(4):
        count += 1
        d = Dataset()
        d.file_meta = FileMetaDataset()
        d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = MRImageStorage
        d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID = generate_uid()
        d.SeriesInstanceUID, d.StudyInstanceUID = series, study
        d.Modality, d.Manufacturer, d.SeriesNumber, d.InstanceNumber = "MR", "SIEMENS", 3, count
        d.AcquisitionNumber, d.SeriesDescription = 1, "vibe"
        d.ImageType = ["DERIVED", "PRIMARY", "DIXON", kind]
        d.ScanningSequence, d.SequenceVariant, d.MRAcquisitionType = "GR", "SP", "3D"
        d.RepetitionTime, d.EchoTime, d.FlipAngle, d.PatientPosition = 4.0, 2.4, 9.0, "HFS"
        d.ImagePositionPatient, d.ImageOrientationPatient = [0, 0, 5.0 * k], [1, 0, 0, 0, 1, 0]
        d.PixelSpacing, d.SliceThickness = [2.0, 2.0], 5.0
        d.Rows = d.Columns = 8
        d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
        d.PixelData = np.full((8, 8), 100 + count, "<u2").tobytes()
        d["PixelData"].VR = "OW"
        d.save_as(f"in/{count:02d}.dcm", enforce_file_format=True)
subprocess.run([str(dcm2niix.bin), "-f", "%s", "-o", "out", "in"], check=True, stdout=subprocess.DEVNULL)
seen = {}
for path in sorted(Path("out").glob("*.nii")):
    volumes = struct.unpack("<8h", path.read_bytes()[40:56])[4]
    kind = json.loads(path.with_suffix(".json").read_text())["ImageType"]
    seen[path.stem] = (volumes, kind)
    print(f"{path.name}: {volumes} volumes, ImageType {kind}")
stacked = seen.get("3", (0, []))
phase = seen.get("3_ph", (0, []))
same = stacked[0] == 2 and "WATER" in stacked[1] and "PHASE" in phase[1]
sys.exit(0 if same else "dcm2niix now treats such a series another way")
PYTHON
