"""Tables of a small group on disk: two muscles of the right leg, one of the left, no images."""

from __future__ import annotations

from pathlib import Path

from synthetic_map import columns_of

from imaging.measures import Measure, not_measured, write_measures
from imaging.musclemap.headline import headline
from imaging.musclemap.read.tables import in_view
from imaging.musclemap.table import wide
from imaging.muscles import label_of
from imaging.provenance import write_sidecar
from imaging.stage_files import write_tsv

SOL, TA, LEFT_TA = label_of("SOL", "right"), label_of("TA", "right"), label_of("TA", "left")


def rows_of(volume: float) -> list[Measure]:
    """Measures of one session; the volume of the right soleus is given."""
    return [
        Measure(SOL, "volume", volume, "ml"),
        not_measured(TA, "volume", "ml", "not in the label map"),
        Measure(LEFT_TA, "emg_onset", 95.0, "percent"),
        Measure(0, "snr_b0", 30.0, "1"),
    ]


def write_tables(out: Path, prefix: str, rows: list[Measure]) -> None:
    """Write the tables of one session, as the map does."""
    folder = out.joinpath(*prefix.split("_")) / "map"
    folder.mkdir(parents=True, exist_ok=True)
    write_measures(rows, folder / f"{prefix}_measures.tsv")
    write_sidecar(folder / f"{prefix}_measures.tsv", verb="map")
    rows = in_view(rows)
    write_tsv(headline(wide(rows)), folder / f"{prefix}_muscles.tsv")
    write_sidecar(folder / f"{prefix}_muscles.tsv", verb="map", Columns=columns_of(rows))
