"""Images whose intensities are labels, on grids that are neither straight nor in RAS order."""

import numpy as np

from imaging.image import Image

OBLIQUE = np.array([[-1.2, 0.1, 0.3, 40], [0.1, 1.2, -0.5, -20], [0.1, 0.2, 4.0, 9], [0, 0, 0, 1]])
TURNED = np.array([[0, 0, 1.5, -8], [-1.0, 0, 0, 30], [0, 5.0, 0, 2], [0, 0, 0, 1]])


def scene(affine=OBLIQUE):
    data = np.zeros((16, 14, 6), np.float32)
    data[1:4, 2:9, 1:4], data[6:9, 3:12, 2:5], data[12:15, 5:9, :3] = 1, 2, 3
    return Image(data, affine)
