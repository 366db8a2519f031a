"""Run every benchmark and print its table; one that fails does not stop the others."""

import subprocess
import sys
from pathlib import Path

NAMES = sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py"))

failed = []
for name in NAMES:
    print(f"\n=== {name} ===", flush=True)
    if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode:
        failed.append(name)
if failed:
    sys.exit(f"benchmarks that failed: {', '.join(failed)}")
