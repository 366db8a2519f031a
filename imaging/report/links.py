"""Links of a page to what lies beside it: viewer, tables, exports. Only what is there is linked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from imaging.outputs import Output, folder_of, output

_DICOM = "dicom"


@dataclass(frozen=True)
class Link:
    """One link: words, address relative to the page, and what is behind it."""

    title: str
    address: str
    meaning: str = ""


@dataclass(frozen=True)
class Links:
    """Links of the first screen: the viewer has a place of its own."""

    viewer: Link | None
    others: list[Link]


def page_links(page: Path, map_dir: Path, prefix: str) -> Links:
    """Return what a page can link to.

    The exports are looked for where the workflow writes them, beside the map.

    Parameters
    ----------
    page
        Where the page is to be.
    map_dir, prefix
        Folder of the map, and how the names of its files begin.
    """
    export = map_dir.parent / folder_of("export")
    stem = {"prefix": prefix}

    def file(folder: Path, of: Output, ending: str, title: str, meaning: str) -> Link | None:
        return _link(page, folder / f"{of.stem(stem)}{ending}", title, meaning)

    stl = output("export", "surface").name.split("/")[0]
    others = [
        file(map_dir, output("map", "muscles"), ".tsv", "Table of muscles", "one row per muscle"),
        file(map_dir, output("map", "measures"), ".tsv", "Every figure",
             "one row per figure, with spread, interval, status and note"),
        file(export, output("export", "scene"), ".glb", "3-D scene", "for any 3-D program"),
        file(export, output("export", "slicer"), ".mrml", "Scene for 3D Slicer",
             "opens everything at once"),
        file(export, output("export", "fascicles"), ".trx", "Fascicles", "for programs of tracts"),
        _link(page, export / stl, "Surfaces", "a folder of STL files, for printing"),
        _link(page, export / _DICOM, "DICOM objects", "a folder, for the archive of images"),
    ]  # fmt: skip
    viewer = file(export, output("export", "viewer"), ".html", "Open the 3-D viewer",
                  "slices and muscles, fascicles and activation in three dimensions")  # fmt: skip
    return Links(viewer, [link for link in others if link is not None])


def _link(page: Path, target: Path, title: str, meaning: str) -> Link | None:
    """Return a link by the way from the page's folder; None where nothing is there."""
    if not target.exists():
        return None
    try:
        way = os.path.relpath(target.absolute(), page.absolute().parent)
    except ValueError:  # another drive
        return None
    end = "/" if target.is_dir() else ""
    return Link(title, quote(Path(way).as_posix()) + end, meaning)
