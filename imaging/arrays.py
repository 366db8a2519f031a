"""Types of arrays, named once; shapes and units stand in the docstrings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
"""Any precision."""
Float32 = NDArray[np.float32]
"""Single precision, where memory counts."""
IntArray = NDArray[np.integer[Any]]
"""Counts, numbers of voxels, connectivity."""
LabelArray = NDArray[np.integer[Any]]
"""Labels of the catalogue: 100 x side + index, 0 outside."""
BoolArray = NDArray[np.bool_]
"""Masks."""
ComplexArray = NDArray[np.complexfloating[Any]]
"""Harmonic fields."""
