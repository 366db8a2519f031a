#!/usr/bin/env bash
# dcm2niix stacks the time steps of MR elastography and keeps what one image of them is.
#
# Versions: dcm2niix 1.0.20260724, pydicom 3.0.2, numpy 2.4.6 (PyPI).
# Input: one series of phase images, 3 slices, 3 encoding directions x 4 time steps, of which each image
# says in ImageComments (0020,4000) which direction and step it is, as Siemens sequences do. Steps were
# taken in another order than that of their angle (0, 180, 90, 270 deg).
# Seen: one file of 12 volumes in the order of InstanceNumber; its sidecar holds ImageComments of the
# first image alone ("MEG 1 angle 0 deg"), and nothing else says what the other 11 are. Taken for even
# steps, as they look, the third volume is 90 deg where 180 is expected: a wave that runs otherwise.
# Ends with 1 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  dcm2niix==1.0.20260724 pydicom==3.0.2 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

import dcm2niix

SLICES, SIZE, ANGLES = 3, 16, (0, 180, 90, 270)
series, study, frame = generate_uid(), generate_uid(), generate_uid()
given, made = Path("in"), Path("out")
given.mkdir()
made.mkdir()
volumes = [(direction, angle) for direction in (1, 2, 3) for angle in ANGLES]
for v, (direction, angle) in enumerate(volumes):
    for k in range(SLICES):
        d = Dataset()
        d.file_meta = FileMetaDataset()
        d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = MRImageStorage
        d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID = generate_uid()
        d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = study, series, frame
        d.Modality, d.Manufacturer, d.ImageType = "MR", "SIEMENS", ["ORIGINAL", "PRIMARY", "P", "NORM"]
        d.SeriesDescription, d.SeriesNumber, d.AcquisitionNumber = "mre", 3, 1 + v
        d.InstanceNumber = 1 + v * SLICES + k
        d.ImageComments = f"MEG {direction} angle {angle} deg"
        d.PatientPosition, d.RepetitionTime, d.EchoTime = "HFS", 2000.0, 40.0
        d.ImagePositionPatient, d.ImageOrientationPatient = [0, 0, 5.0 * k], [1, 0, 0, 0, 1, 0]
        d.PixelSpacing, d.SliceThickness = [2.0, 2.0], 5.0
        d.Rows = d.Columns = SIZE
        d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
        d.RescaleSlope, d.RescaleIntercept = 2.0, -4096.0
        d.PixelData = np.full((SIZE, SIZE), 100 * direction + angle, "<u2").tobytes()
        d.save_as(given / f"{v:02d}{k}.dcm", enforce_file_format=True)
subprocess.run([str(dcm2niix.bin), "-z", "y", "-f", "%s_%d", "-o", str(made), str(given)],
               capture_output=True, check=True)
files = sorted(p.name for p in made.iterdir())
print("files:", *files)
(image,), (sidecar,) = made.glob("*.nii.gz"), made.glob("*.json")
content = gzip.decompress(image.read_bytes())
shape = np.frombuffer(content, "<i2", 8, 40)
data = np.frombuffer(content, "<i2", offset=352).reshape(shape[4], -1)
stored = [int(v) for v in data[:, 0]]  # as in DICOM: slope and intercept stand in the header
about = json.loads(sidecar.read_text())
told = [str(v) for v in about.values() if "MEG" in str(v)]
print("volumes:", shape[4], "in the order", stored)
print("sidecar:", told)
same = told == ["MEG 1 angle 0 deg"] and stored == [100 * d + a for d, a in volumes]
sys.exit(0 if same else "dcm2niix now tells what every volume is, or sorts them otherwise")
PYTHON
