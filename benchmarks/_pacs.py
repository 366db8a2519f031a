"""An archive (Orthanc) in a network of its own: objects go in by two ways and come back.

Orthanc listens on all addresses whatever it is told, so it and its client run inside a network
namespace (`unshare -n`, which needs root) that has nothing but a loopback.

    python -m benchmarks._pacs FOLDER       inside the namespace: prints what came back, as JSON
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom

HTTP, DICOM = 8042, 4242
ROOT = f"http://127.0.0.1:{HTTP}"
ORTHANC = "/usr/sbin/Orthanc"
PLUGINS = "/usr/share/orthanc/plugins"
STARTS_S = 60


def why_not() -> str:
    """Return why no archive can be started here; empty where one can."""
    if not Path(ORTHANC).is_file() or not Path(PLUGINS).is_dir():
        return "Orthanc is not installed (apt install orthanc orthanc-dicomweb)"
    if shutil.which("dcmsend") is None:
        return "dcmtk is not installed (apt install dcmtk)"
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return "a network namespace needs root and unshare"
    done = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "unshare -n is not allowed here"


def round_trip(folder: Path) -> dict[str, Any]:
    """Store, query and fetch every DICOM file of a folder, by STOW-RS and by C-STORE.

    Returns
    -------
    dict
        ``sent``: number of files; for ``stow`` and ``cstore``: ``stored``, ``queried``, ``same``
        (byte for byte, data set for data set) and ``failed`` (names).
    """
    inside = f"ip link set lo up && exec {sys.executable} -m benchmarks._pacs {folder.resolve()}"
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", inside], capture_output=True, text=True, timeout=600,
        check=False, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def archive() -> Iterator[None]:
    """Run an empty archive until the block ends."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = {
            "Name": "test", "StorageDirectory": scratch, "IndexDirectory": scratch,
            "HttpPort": HTTP, "DicomPort": DICOM, "AuthenticationEnabled": False,
            "RemoteAccessAllowed": True, "UnknownSopClassAccepted": True,
            "DicomAlwaysAllowStore": True, "Plugins": [PLUGINS],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }  # fmt: skip
        config = Path(scratch) / "orthanc.json"
        config.write_text(json.dumps(settings), encoding="utf-8")
        with (Path(scratch) / "log").open("w") as log:
            process = subprocess.Popen([ORTHANC, str(config)], stdout=log, stderr=log)
            try:
                _wait(process)
                yield
            finally:
                process.terminate()
                process.wait(30)


def _wait(process: subprocess.Popen[bytes]) -> None:
    for _ in range(STARTS_S * 10):
        if process.poll() is not None:
            raise RuntimeError(f"Orthanc ended with {process.returncode}")
        try:
            _get("/system")
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError("Orthanc does not answer")


def _get(path: str, accept: str = "application/json") -> bytes:
    request = urllib.request.Request(ROOT + path, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=120) as answer:
        content: bytes = answer.read()
    return content


def stow(path: Path) -> bool:
    """Store one file by STOW-RS; tell whether the archive says it has it."""
    border = uuid.uuid4().hex
    body = (
        f"--{border}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        + path.read_bytes()
        + f"\r\n--{border}--\r\n".encode()
    )
    kind = f'multipart/related; type="application/dicom"; boundary={border}'
    request = urllib.request.Request(
        f"{ROOT}/dicom-web/studies", data=body, method="POST",
        headers={"Content-Type": kind, "Accept": "application/dicom+json"},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            told = json.loads(answer.read())
    except urllib.error.HTTPError:
        return False
    kept, refused = (told.get(tag, {}).get("Value", []) for tag in ("00081199", "00081198"))
    return len(kept) == 1 and not refused


def cstore(paths: list[Path]) -> None:
    """Send files by C-STORE, each with the presentation context that it needs."""
    subprocess.run(
        ["dcmsend", "--no-uid-checks", "127.0.0.1", str(DICOM), *map(str, paths)],
        capture_output=True, check=False, timeout=300,
    )  # fmt: skip


def queried(header: Any) -> bool:
    """Tell whether QIDO-RS finds an instance by its study and series."""
    path = (
        f"/dicom-web/studies/{header.StudyInstanceUID}/series/{header.SeriesInstanceUID}"
        f"/instances?SOPInstanceUID={header.SOPInstanceUID}"
    )
    found = json.loads(_get(path, "application/dicom+json") or b"[]")
    return len(found) == 1


def fetched(header: Any) -> bytes:
    """Return an instance by WADO-RS, as the archive keeps it."""
    path = (
        f"/dicom-web/studies/{header.StudyInstanceUID}/series/{header.SeriesInstanceUID}"
        f"/instances/{header.SOPInstanceUID}"
    )
    answer = _get(path, 'multipart/related; type="application/dicom"; transfer-syntax=*')
    start = answer.index(b"\r\n\r\n") + 4
    border = answer[: answer.index(b"\r\n", 2)].strip()
    return answer[start : answer.rindex(b"\r\n" + border)]


def _same_data(a: bytes, b: bytes) -> bool:
    """Tell whether two files hold the same data set; the group 0002 is the archive's own."""
    one, other = (pydicom.dcmread(BytesIO(content)) for content in (a, b))
    return bool(one == other)


def _judge(paths: list[Path], *, bytes_too: bool) -> dict[str, Any]:
    stored, asked, same, failed = 0, 0, 0, []
    for path in paths:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        try:
            content = fetched(header)
        except (urllib.error.URLError, ValueError):
            failed.append(path.name)
            continue
        stored += 1
        asked += queried(header)
        own = path.read_bytes()
        equal = content == own if bytes_too else _same_data(content, own)
        same += equal
        if not equal:
            failed.append(path.name)
    return {"stored": stored, "queried": asked, "same": same, "failed": failed}


def _inside(folder: Path) -> dict[str, Any]:
    paths = sorted(folder.rglob("*.dcm"))
    out: dict[str, Any] = {"sent": len(paths)}
    with archive():
        refused = [path.name for path in paths if not stow(path)]
        out["stow"] = _judge(paths, bytes_too=True)
        out["stow"]["failed"] += refused
    with archive():
        cstore(paths)
        out["cstore"] = _judge(paths, bytes_too=False)
    return out


if __name__ == "__main__":
    print(json.dumps(_inside(Path(sys.argv[1]))))
