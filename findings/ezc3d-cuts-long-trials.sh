#!/usr/bin/env bash
# ezc3d gives 4,464 of the 70,000 frames of a long C3D trial, in silence.
#
# Versions: ezc3d 1.7.2, numpy 2.4.6.
# Input: a C3D file of 70,000 frames (12 minutes at 100 Hz). The 16-bit fields cannot count that far:
# POINT:FRAMES holds 70,000 modulo 65,536 and the header's last frame 65,535; the true count stands in
# TRIAL:ACTUAL_END_FIELD as two 16-bit words, low word first (C3D user guide, "TRIAL parameters"),
# and the file is as long as that.
# Seen: ezc3d returns 4,464 frames; nothing is raised or warned.
# Ends with 1 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ezc3d==1.7.2 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import struct
import sys
from pathlib import Path

import ezc3d
import numpy as np

FRAMES = 70_000
LOW, HIGH = FRAMES & 0xFFFF, FRAMES >> 16


def signed(value):
    return value - 65_536 if value > 32_767 else value


def group(number, name):
    return struct.pack("<bb", len(name), -number) + name + struct.pack("<hb", 3, 0)


def parameter(number, name, kind, shape, data):
    body = struct.pack("<bb", kind, len(shape)) + bytes(shape) + data + b"\0"
    return struct.pack("<bb", len(name), number) + name + struct.pack("<h", len(body) + 2) + body


words = lambda *values: struct.pack(f"<{len(values)}h", *map(signed, values))  # noqa: E731
section = b"".join([
    group(1, b"POINT"), group(2, b"ANALOG"), group(3, b"TRIAL"),
    parameter(1, b"USED", 2, [], words(1)),
    parameter(1, b"SCALE", 4, [], struct.pack("<f", -1.0)),
    parameter(1, b"RATE", 4, [], struct.pack("<f", 100.0)),
    parameter(1, b"DATA_START", 2, [], words(4)),
    parameter(1, b"FRAMES", 2, [], words(LOW)),
    parameter(1, b"LABELS", -1, [4, 1], b"LHEE"),
    parameter(1, b"UNITS", -1, [2, 1], b"mm"),
    parameter(2, b"USED", 2, [], words(0)),
    parameter(3, b"ACTUAL_START_FIELD", 2, [2], words(1, 0)),
    parameter(3, b"ACTUAL_END_FIELD", 2, [2], words(LOW, HIGH)),
    b"\0\0",
])  # fmt: skip
assert len(section) <= 1020
header = struct.pack("<bbhhhhhfhhf", 2, 80, 1, 0, 1, signed(65_535), 0, -1.0, 4, 0, 100.0)
points = np.zeros((FRAMES, 4), "<f4")
points[:, 0] = np.arange(FRAMES)
blocks = header.ljust(512, b"\0") + (struct.pack("<bbbb", 1, 80, 2, 84) + section).ljust(1024, b"\0")
Path("long.c3d").write_bytes(blocks + points.tobytes())
read = ezc3d.c3d("long.c3d")["data"]["points"]
print(f"{FRAMES} frames in the file, {read.shape[2]} returned, the last of them number "
      f"{read[0, 0, -1]:.0f}")
sys.exit(0 if read.shape[2] == LOW else "ezc3d now counts the frames another way")
PYTHON
