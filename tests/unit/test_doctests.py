"""Examples in docstrings, which state the coordinate convention, are true."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["image", "memory", "formats.nifti"])
def test_examples_hold(module):
    loaded = importlib.import_module(f"imaging.{module}")
    result = doctest.testmod(loaded, optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    assert result.attempted > 1
    assert result.failed == 0
