#!/usr/bin/env bash
# N4 bias correction gives other values with another number of threads, although it is told to use one.
#
# Versions: SimpleITK 2.5.7 (ITK 5.4), numpy 2.4.6.
# Input: a smooth ball in noise under a smooth shading, 48x48x24 voxels, float32; two levels of fitting.
# The filter is given SetNumberOfThreads(1); only the default of the process differs: 1, 2, 4.
# Seen: with the same default, the same bytes; with another default, other last digits (a
# millionth of the value): what N4 runs inside itself follows the process, not what the filter was given.
# Bytes that are to be the same everywhere need ProcessObject.SetGlobalDefaultNumberOfThreads around
# the call.
# Ends with 1 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check SimpleITK==2.5.7 numpy==2.4.6
cat > "$folder/n4.py" <<'PY'
import hashlib
import sys

import numpy as np
import SimpleITK as sitk

sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(int(sys.argv[1]))
place = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in (24, 48, 48)), indexing="ij"))
ball = (np.square(place).sum(axis=0) < 0.7).astype(float)
noise = np.random.default_rng(1).normal(0, 3, ball.shape)
image = sitk.GetImageFromArray(((100 * ball + 20) * (1 + 0.4 * place[2]) + noise).astype(np.float32))
mask = sitk.GetImageFromArray(ball.astype(np.uint8))
correct = sitk.N4BiasFieldCorrectionImageFilter()
correct.SetNumberOfThreads(1)
correct.SetMaximumNumberOfIterations([20, 20])
values = sitk.GetArrayFromImage(correct.Execute(image, mask))
np.save(sys.argv[2], values)
print(hashlib.sha256(values.tobytes()).hexdigest()[:12])
PY
run() { "$folder/venv/bin/python" "$folder/n4.py" "$1" "$folder/$2.npy"; }
one=$(run 1 one)
again=$(run 1 again)
two=$(run 2 two)
four=$(run 4 four)
echo "default 1: $one, again $again; default 2: $two; default 4: $four"
"$folder/venv/bin/python" - "$folder" <<'PY'
import sys

import numpy as np

one, four = (np.load(f"{sys.argv[1]}/{name}.npy") for name in ("one", "four"))
print(f"largest difference, 1 against 4: {np.abs(one / four - 1).max():.1e} of the value")
PY
[ "$one" = "$again" ] && [ "$one" != "$two" ] && [ "$two" != "$four" ] ||
  { echo "N4 now does otherwise"; exit 1; }
