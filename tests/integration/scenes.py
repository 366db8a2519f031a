"""Images whose intensities are labels, on grids that are neither straight nor in RAS order."""

import numpy as np
from scipy.spatial.transform import Rotation

from imaging.image import Image

_TILTED = Rotation.from_euler("xyz", (7.0, 4.0, -5.0), degrees=True).as_matrix()
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = _TILTED * (-1.2, 1.2, 4.0)  # of voxels, mm; the first axis runs to the left
OBLIQUE[:3, 3] = (40, -20, 9)
TURNED = np.array([[0, 0, 1.5, -8], [-1.0, 0, 0, 30], [0, 5.0, 0, 2], [0, 0, 0, 1]])


def scene(affine=OBLIQUE):
    data = np.zeros((16, 14, 6), np.float32)
    data[1:4, 2:9, 1:4], data[6:9, 3:12, 2:5], data[12:15, 5:9, :3] = 1, 2, 3
    return Image(data, affine)
