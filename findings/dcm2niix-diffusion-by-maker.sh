#!/usr/bin/env bash
# dcm2niix leaves out b-values of an enhanced MR file by the name of its maker.
#
# Versions: dcm2niix 1.0.20260724, pydicom 3.0.2, numpy 2.4.6 (PyPI).
# Input: one Enhanced MR file (multi-frame) of seven volumes, b 0 and 500 s/mm2, whose weighting stands
# in the standard's own MR Diffusion Sequence (b-value, directionality, gradient orientation) of every
# frame. It is written twice; only Manufacturer differs.
# Seen: as "Philips" the NIfTI of seven volumes has .bval and .bvec beside it. As "SIEMENS" the same
# seven volumes have neither, no word says so, and the exit code is 0: a diffusion series that looks
# like a series of plain images.
# Ends with 1 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  dcm2niix==1.0.20260724 pydicom==3.0.2 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import subprocess
import sys
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, generate_uid

import dcm2niix

SLICES, SIZE = 4, 16
WAYS = np.eye(3).tolist() + (np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1]]) / np.sqrt(2)).tolist()
WEIGHTS = [(0.0, None)] + [(500.0, way) for way in WAYS]


def group(**values):
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return Sequence([item])


def frame(volume, k):
    b, way = WEIGHTS[volume]
    weighting = {"DiffusionBValue": b, "DiffusionDirectionality": "DIRECTIONAL" if way else "NONE"}
    if way:
        weighting["DiffusionGradientDirectionSequence"] = group(DiffusionGradientOrientation=way)
    item = Dataset()
    item.PlanePositionSequence = group(ImagePositionPatient=[0, 0, 5.0 * k])
    item.MREchoSequence = group(EffectiveEchoTime=60.0)
    item.MRDiffusionSequence = group(**weighting)
    item.FrameContentSequence = group(
        StackID="1", InStackPositionNumber=k + 1, TemporalPositionIndex=volume + 1,
        DimensionIndexValues=[1, k + 1, volume + 1])
    item.MRImageFrameTypeSequence = group(FrameType=["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"])
    return item


def write(path, maker):
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = EnhancedMRImageStorage
    d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID = generate_uid()
    d.StudyInstanceUID, d.SeriesInstanceUID = generate_uid(), generate_uid()
    d.Modality, d.Manufacturer, d.ManufacturerModelName = "MR", maker, "scanner"
    d.SeriesDescription, d.SeriesNumber, d.InstanceNumber = "dwi", 4, 1
    d.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"]
    d.PatientPosition, d.MRAcquisitionType, d.EchoPulseSequence = "HFS", "2D", "SPIN"
    d.Rows = d.Columns = SIZE
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
    shared = Dataset()
    shared.PixelMeasuresSequence = group(
        PixelSpacing=[2.0, 2.0], SliceThickness=5.0, SpacingBetweenSlices=5.0)
    shared.PlaneOrientationSequence = group(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared.MRTimingAndRelatedParametersSequence = group(RepetitionTime=4000.0, FlipAngle=90.0)
    d.SharedFunctionalGroupsSequence = Sequence([shared])
    order = [(volume, k) for volume in range(len(WEIGHTS)) for k in range(SLICES)]
    d.PerFrameFunctionalGroupsSequence = Sequence([frame(*place) for place in order])
    d.NumberOfFrames = len(order)
    d.PixelData = np.concatenate(
        [np.full((SIZE, SIZE), 100 + 10 * volume + k, "<u2").ravel() for volume, k in order]).tobytes()
    d["PixelData"].VR = "OW"
    d.save_as(path, enforce_file_format=True)


seen = {}
for maker in ("Philips", "SIEMENS"):
    given, made = Path(f"in-{maker}"), Path(f"out-{maker}")
    given.mkdir()
    made.mkdir()
    write(given / "1.dcm", maker)
    done = subprocess.run([str(dcm2niix.bin), "-f", "dwi", "-o", str(made), str(given)],
                          capture_output=True, text=True, check=True)
    seen[maker] = sorted(p.suffix for p in made.iterdir() if p.suffix != ".json")
    print(f"{maker}: {seen[maker]}, told of b-values: {'b-val' in done.stdout.lower() or 'bval' in done.stdout.lower()}")
    if len(sys.argv) > 1:
        print(done.stdout)
same = seen == {"Philips": [".bval", ".bvec", ".nii"], "SIEMENS": [".nii"]}
sys.exit(0 if same else "dcm2niix now treats both alike")
PYTHON
