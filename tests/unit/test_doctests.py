"""Examples in docstrings of geometry, formats, adapters and images are true."""

import doctest
import importlib
import pkgutil

import pytest

ROOMS = ("imaging.geometry", "imaging.formats", "imaging.io", "imaging.image", "imaging.memory")
WITH_EXAMPLES = (
    "imaging.image",
    "imaging.memory",
    "imaging.formats.nifti",
    "imaging.geometry.curves",
    "imaging.geometry.segments",
    "imaging.geometry.sheet",
    "imaging.geometry.surface",
    "imaging.formats.file_kind",
    "imaging.formats.polydata",
    "imaging.formats.surfaces",
    "imaging.formats.tck",
    "imaging.formats.tracts",
    "imaging.architecture.left_out",
    "imaging.diffusion.gradients",
    "imaging.diffusion.tensor_order",
    "imaging.dyads",
    "imaging.erosion",
    "imaging.io.c3d_layout",
    "imaging.io.directions",
    "imaging.io.edf_clock",
    "imaging.io.gradients",
    "imaging.io.muscles",
    "imaging.io.region",
    "imaging.io.reversed_scan",
    "imaging.io.waves.series",
    "imaging.lookup",
    "imaging.outputs",
    "imaging.stiffness",
)


def modules():
    for room in ROOMS:
        yield room
        for part in pkgutil.walk_packages(
            getattr(importlib.import_module(room), "__path__", []), f"{room}."
        ):
            yield part.name


@pytest.mark.parametrize("name", sorted({*modules(), *WITH_EXAMPLES}))
def test_examples_are_true(name):
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    found = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert found.failed == 0
    assert found.attempted > 0 or name not in WITH_EXAMPLES
