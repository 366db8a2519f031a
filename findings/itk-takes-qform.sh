#!/usr/bin/env bash
# SimpleITK and nibabel put one valid NIfTI image at two places.
#
# Versions: nibabel 5.4.2, SimpleITK 2.5.7 (ITK 5.4), numpy 2.4.6.
# Input: an image whose qform and sform are both set (codes > 0) and differ by 15 mm, as an image
# has whose sform was set by a registration. The standard leaves to the reader which one to take.
# Seen: nibabel takes the sform whatever its code. ITK takes the sform of code 1 (scanner), but of
# code 2 (aligned), 3 (Talairach) and 4 (MNI) it takes the qform, without a word. So labels drawn in
# a program built on ITK lie 15 mm away in a program built on nibabel.
# Ends with 1 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  nibabel==5.4.2 SimpleITK==2.5.7 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import sys

import nibabel as nib
import numpy as np
import SimpleITK as sitk

expected = {1: "sform", 2: "qform", 3: "qform", 4: "qform"}
qform, sform = np.diag([2.0, 2.0, 5.0, 1.0]), np.diag([2.0, 2.0, 5.0, 1.0])
sform[:3, 3] = (15.0, 0.0, 0.0)
seen = {}
for code in expected:
    image = nib.Nifti1Image(np.zeros((4, 4, 3), np.int16), sform)
    image.set_qform(qform, 1)
    image.set_sform(sform, code)
    nib.save(image, "image.nii.gz")
    assert np.allclose(nib.load("image.nii.gz").affine, sform), "nibabel no longer takes the sform"
    x = -sitk.ReadImage("image.nii.gz").GetOrigin()[0]  # LPS to RAS
    seen[code] = {15.0: "sform", 0.0: "qform"}.get(round(x, 3), f"x = {x}")
    print(f"qform code 1, sform code {code}: nibabel takes the sform, SimpleITK the {seen[code]}")
sys.exit(0 if seen == expected else "SimpleITK now reads such images another way")
PYTHON
