"""Scratch."""

import argparse, time
from pathlib import Path
from benchmarks._repeat_scans import visit

if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--work", type=Path, required=True)
    p.add_argument("--legs", type=int, nargs="+")
    a = p.parse_args()
    for leg in a.legs:
        for number in (1, 2):
            t = time.time()
            visit(a.work, leg, number)
            print(leg, number, round(time.time() - t), flush=True)
