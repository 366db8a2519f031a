"""What is checked in each input of a session before the workflow starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from imaging.arrays import FloatArray
from imaging.config import FunctionSettings, Settings, UltrasoundSettings
from imaging.dataset import Session, sibling
from imaging.dataset.dixon import dixon_options
from imaging.diffusion.acquisition import acquisition_of
from imaging.errors import ImageError
from imaging.formats.json import optional_sidecar
from imaging.formats.nifti import load_grid, load_image
from imaging.function.channels import left_out, map_channels
from imaging.image import Image, canonical
from imaging.io.composition import read_gradient_echoes, read_pair, read_spin_echoes
from imaging.io.diffusion_series import read_series
from imaging.io.label_maps import in_catalogue, read_label_map
from imaging.io.label_sources import read_drawing
from imaging.io.recordings import read_trial
from imaging.io.reversed_scan import read_reversed
from imaging.io.ultrasound_frames import read_frame_files
from imaging.io.ultrasound_placed import check_frames
from imaging.io.waves.read import read_examination
from imaging.io.waves.ready import read_ready
from imaging.io.waves.undistorted import must_tell


def _anat(session: Session) -> None:
    if session.anat:
        load_image(session.anat)


def _dwi(session: Session) -> list[str]:
    """Return what was put right in the gradient table, or is in doubt."""
    if session.dwi is None:
        return []
    series = read_series(session.dwi, sibling(session.dwi, ".bval"), sibling(session.dwi, ".bvec"))
    _must_meet(session, series.image, session.dwi)
    return series.warnings


def _fmap(session: Session) -> None:
    if session.dwi is None or session.fmap is None:
        return
    dwi = load_grid(session.dwi, ndim=4)
    sidecar = optional_sidecar(session.dwi)
    acquisition = acquisition_of(sidecar, dwi)
    if acquisition.phase_axis is not None:  # else the stage warns that it corrects nothing
        read_reversed(session.fmap, dwi, acquisition)


def _composition(session: Session) -> list[str]:
    """Return what is lost where echoes come without their phase."""
    told: list[str] = []
    given = dixon_options(session.dixon)
    if "echo" in given:
        echoes, told = read_gradient_echoes(given["echo"])
        _must_meet(session, echoes.magnitudes, session.dixon[0])
    elif given:
        first, _ = read_pair(*(paths[0] for paths in given.values()))
        _must_meet(session, first, session.dixon[0])
    if session.spin_echoes:
        told = [*told, *read_spin_echoes(session.spin_echoes)[1]]
    return told


def _waves(session: Session) -> None:
    for number, series in enumerate(read_examination(session.waves)):
        if number == 0:  # the others lie on its grid
            images = series.images
            grid = Image(images.weight, images.affine)
            _must_meet(session, grid, session.waves[0])
            if session.wave_fmap is not None:
                encoded = must_tell(series.acquisition, session.waves[0])
                read_reversed(session.wave_fmap, grid, encoded)


def _stiffness(session: Session) -> list[str]:
    """Return what looks wrong in a ready map, such as its unit."""
    if session.stiffness is None:
        return []
    ready = read_ready(session.stiffness)
    _must_meet(session, ready.image, session.stiffness)
    return ready.warnings


def _contexts(session: Session, options: UltrasoundSettings) -> None:
    """Check waves and frames of other contexts as those that are mapped."""
    for context in session.contexts:
        if context.kind == "waves":
            _waves(replace(session, waves=context.files))
        else:
            _frames(replace(session, frames=context.files), options)


def _frames(session: Session, options: UltrasoundSettings) -> None:
    files = read_frame_files(session.frames)
    for file, corners in check_frames(files, options) if files else ():
        _must_hold(session, corners, file.paths[0])


def _recordings(session: Session, options: FunctionSettings) -> list[str]:
    """Return what was left out in the recordings, such as channels that are not understood."""
    several = len(session.recordings) > 1
    found = []
    for path in session.recordings:
        trial = read_trial(path, None, None, options)
        start = f"{trial.name}: " if several else ""
        read = trial.recording
        channels = map_channels(read.labels, read.targets, options.channels, options.side)
        found += [f"{start}{said}" for said in (*read.warnings, *left_out(channels))]
    return found


def _manual(session: Session) -> None:
    if session.manual_dseg is None:
        return
    table = sibling(session.manual_dseg, ".tsv")
    lookup = table if table.is_file() else None
    if session.anat is None:
        in_catalogue(read_label_map(session.manual_dseg, lookup))
    else:  # it has to have a voxel on the image
        read_drawing(canonical(load_grid(session.anat)), session.manual_dseg, lookup)


def _must_meet(session: Session, image: Image, path: Path) -> None:
    """Raise unless the field of view shares some space with that of the anatomical image."""
    if session.anat is None:
        return
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in image.shape])).reshape(3, -1).T
    _must_hold(session, image.to_world(corners), path)


def _must_hold(session: Session, points: FloatArray, path: Path) -> None:
    """Raise unless the box around world points (N, 3) shares space with the anatomical image."""
    if session.anat is None:
        return
    anat = load_grid(session.anat)
    inside = anat.to_voxels(points)
    low, high = inside.min(axis=0), inside.max(axis=0)
    if (high < 0).any() or (low > np.array(anat.shape) - 1).any():
        raise ImageError(
            f"lies wholly outside the anatomical image {session.anat.name}",
            path,
            "Check both affines: the images must come from one examination",
        )


def inspections(
    settings: Settings | None = None,
) -> Mapping[str, Callable[[Session], Sequence[str] | None]]:
    """Return what is checked, by the name of the input; settings say what frames must fit."""
    options = settings.ultrasound if settings else UltrasoundSettings()
    function = settings.function if settings else FunctionSettings()
    return {
        "anat": _anat,
        "dwi": _dwi,
        "fmap": _fmap,
        "dixon": _composition,
        "waves": _waves,
        "stiffness": _stiffness,
        "frames": partial(_frames, options=options),
        "contexts": partial(_contexts, options=options),
        "recording": partial(_recordings, options=function),
        "manual_dseg": _manual,
    }
