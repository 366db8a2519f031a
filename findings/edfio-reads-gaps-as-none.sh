#!/usr/bin/env bash
# edfio reads a discontinuous EDF+ recording (EDF+D) as if it had no gaps.
#
# Versions: edfio 0.4.18, numpy 2.4.6.
# Input: an EDF+D file of four records of one second; the last two begin at 10 s and 11 s, as the
# time-keeping annotation of each record says (EDF+ 2.2.4). Such files come from recorders that pause.
# Seen: the signal is one array of four seconds, data end to end; nothing is raised or warned, and
# `duration` says 4 s. Annotations keep the clock of the file, so that an event at 10.5 s lies beyond
# the end of the signal. Whoever takes sample / rate for time is off by the length of the gap.
# Ends with 1 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check edfio==0.4.18 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import sys
import warnings
from pathlib import Path

import edfio
import numpy as np

warnings.simplefilter("error")
signal = np.repeat([1.0, 2.0, 3.0, 4.0], 100)
written = edfio.Edf(
    [edfio.EdfSignal(signal, 100.0, label="EMG", physical_range=(-10, 10))],
    annotations=[edfio.EdfAnnotation(2.5, None, "step, padded")],
    data_record_duration=1.0,
)
written.write("continuous.edf")
raw = bytearray(Path("continuous.edf").read_bytes())
assert raw[192:197] == b"EDF+C"
raw[192:197] = b"EDF+D"
# Onset of each record: +0, +1, then 10 and 11 s; the event of the third record lies at 10.5 s.
length = len(raw)
for old, new in (
    (b"+2\x14\x14\x00+2.5\x14step, padded\x14\x00", b"+10\x14\x14\x00+10.5\x14step\x14\x00"),
    (b"+3\x14\x14\x00\x00", b"+11\x14\x14\x00"),
):
    at = raw.index(old)
    raw[at:at + len(old)] = new.ljust(len(old), b"\x00")
assert len(raw) == length
Path("gaps.edf").write_bytes(raw)
read = edfio.read_edf("gaps.edf")
event = read.annotations[0].onset
print(f"reserved {read.reserved!r}, duration {read.duration:g} s, {len(read.signals[0].data)} samples, "
      f"event at {event:g} s")
same = len(read.signals[0].data) == 400 and read.duration == 4.0 and event == 10.5
sys.exit(0 if same else "edfio now reads such files another way")
PYTHON
