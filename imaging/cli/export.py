"""``pennate export``: meshes, tracts, glTF and the offline viewer of one muscle map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from imaging.config import ExportSettings, load_settings
from imaging.export.activation import PAINTED
from imaging.export.gltf import glb_bytes
from imaging.export.mesh import for_screen, stl_bytes
from imaging.export.payload import payload
from imaging.export.tracts import trk_bytes, trx_bytes
from imaging.export.viewer import page
from imaging.formats.nifti import save_image
from imaging.musclemap.read.muscle_map import MuscleMap, read_muscle_map
from imaging.muscles import side_and_key, side_and_name, structure_of
from imaging.provenance import staged, write_sidecar

_MESHED = ("muscle", "group", "bone")
# Files of the map that exports show, in the order in which sidecars name them.
_SOURCES = (
    "map.vti", "surfaces.vtp", "aponeuroses.vtp", "fascicles.vtp", "muscles.tsv", "activation.tsv",
    "notes.json",
)  # fmt: skip


def command(
    map_dir: Annotated[Path, typer.Option(help="Folder of the muscle map (.../map).")],
    out: Annotated[Path, typer.Option(help="Folder to write, e.g. OUT/sub-01/export.")],
    prefix: Annotated[str, typer.Option(help="Start of every file name, e.g. sub-01.")],
    settings: Annotated[str | None, typer.Option(help="JSON text or YAML file.")] = None,
) -> None:
    """Write meshes, tracts, glTF and the offline viewer."""
    chosen = load_settings(ExportSettings, settings)
    muscle_map = read_muscle_map(map_dir, prefix)
    optional = (f"{prefix}_fascicles.*", f"{prefix}_viewer.*", f"stl/{prefix}_*")
    with staged(out, "export", optional) as folder:
        writer = _Writer(folder, muscle_map, chosen)
        writer.images(muscle_map)
        writer.meshes(muscle_map)
        writer.tracts(muscle_map)
        light = for_screen(muscle_map, fascicles=chosen.viewer_fascicles)
        writer.scene(light)
        if chosen.viewer:
            count = 0 if muscle_map.fascicles is None else len(muscle_map.fascicles)
            writer.viewer(light, count)


class _Writer:
    """Writes the files of one export, each with its sidecar."""

    def __init__(self, folder: Path, muscle_map: MuscleMap, settings: ExportSettings):
        self.folder, self.prefix, self.settings = folder, muscle_map.prefix, settings
        self.sources = {name: path for name in _SOURCES if (path := muscle_map.files.get(name))}

    def sidecar(self, path: Path, *sources: str, **description: Any) -> None:
        """Describe a file; `sources` name files of the map, none means all of them."""
        inputs = [self.sources[n] for n in sources or self.sources if n in self.sources]
        write_sidecar(
            path, verb="export", inputs=inputs, settings=self.settings.model_dump(), **description
        )

    def images(self, muscle_map: MuscleMap) -> None:
        """Write anatomy and labels as NIfTI, the reference of the tract files."""
        for array, suffix, what in (
            ("anatomy", "anat", "Anatomical image on the grid of the map"),
            ("label", "dseg", "Muscle labels: 100 * side + index, side 1 left, 2 right"),
        ):
            path = self.folder / f"{self.prefix}_{suffix}.nii.gz"
            save_image(muscle_map.arrays[array], path)
            self.sidecar(path, "map.vti", Description=what, Frame="world RAS+ mm")

    def meshes(self, muscle_map: MuscleMap) -> None:
        """Write one STL file per muscle and bone, and one per internal aponeurosis."""
        (self.folder / "stl").mkdir()
        for label, mesh in muscle_map.surfaces.items():
            if structure_of(label).tissue not in _MESHED:
                continue
            path = self.folder / "stl" / f"{self.prefix}_{side_and_key(label, '-')}.stl"
            path.write_bytes(stl_bytes(mesh, side_and_key(label, "-")))
            self.sidecar(
                path, "surfaces.vtp",
                Description=f"Surface of {side_and_name(label)}", Units="mm", Frame="world RAS+",
            )  # fmt: skip
        for label, sheet in muscle_map.aponeuroses.items():
            name = f"{side_and_key(label, '-')}_aponeurosis"
            path = self.folder / "stl" / f"{self.prefix}_{name}.stl"
            path.write_bytes(stl_bytes(sheet.mesh, name))
            self.sidecar(
                path, "aponeuroses.vtp",
                Description=f"Internal aponeurosis of {side_and_name(label)}",
                Origin="found from the data" if sheet.found else "given",
                Units="mm", Frame="world RAS+",
            )  # fmt: skip

    def tracts(self, muscle_map: MuscleMap) -> None:
        """Write the fascicles as TRX and TRK."""
        fascicles = muscle_map.fascicles
        if fascicles is None:
            return
        grid = muscle_map.arrays["label"]
        path = self.folder / f"{self.prefix}_fascicles.trx"
        path.write_bytes(trx_bytes(fascicles, grid))
        path.with_suffix(".trk").write_bytes(trk_bytes(fascicles, grid))
        self.sidecar(
            path, "fascicles.vtp",
            Description="Fascicles with figures per fascicle; NaN: not measured",
            Units="mm", Frame="world RAS+", Measures=fascicles.measures,
            Fascicles=int(len(fascicles)), Labels=np.unique(fascicles.labels).tolist(),
        )  # fmt: skip

    def scene(self, muscle_map: MuscleMap) -> None:
        """Write muscles, fascicles and activation as animated glTF."""
        path = self.folder / f"{self.prefix}_map.glb"
        path.write_bytes(glb_bytes(muscle_map))
        self.sidecar(
            path, "surfaces.vtp", "aponeuroses.vtp", "fascicles.vtp", "activation.tsv",
            Description="Muscles, aponeuroses, fascicles and activation over the gait cycle",
            Activation=PAINTED if muscle_map.activation is not None else "not measured",
            Units="m", Frame="glTF: +Y superior, +Z anterior, +X left; vertices in RAS+ mm",
        )  # fmt: skip

    def viewer(self, muscle_map: MuscleMap, all_fascicles: int) -> None:
        """Write the offline viewer."""
        path = self.folder / f"{self.prefix}_viewer.html"
        content = payload(muscle_map, all_fascicles=all_fascicles)
        path.write_text(page(content), encoding="utf-8", newline="\n")
        self.sidecar(path, Description="Viewer in one file, for any browser with WebGL 2")
