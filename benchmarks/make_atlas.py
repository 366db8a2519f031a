"""Write the built-in label atlas again: ``python benchmarks/make_atlas.py``."""

from pathlib import Path

from imaging.phantom.atlas import write_atlas

if __name__ == "__main__":
    write_atlas(Path(__file__).parents[1] / "imaging" / "data" / "atlas")
