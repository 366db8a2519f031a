"""nibabel without what it would load for headers that are not used here.

Where pydicom is installed nibabel loads it, and an HTTP client with it, an eighth of a second of
each start, to read one kind of header extension.
"""

from __future__ import annotations

import sys

_absent = "pydicom" not in sys.modules
if _absent:
    sys.modules["pydicom"] = None  # type: ignore[assignment]
try:
    import nibabel
finally:
    if _absent:
        del sys.modules["pydicom"]

__all__ = ["nibabel"]
