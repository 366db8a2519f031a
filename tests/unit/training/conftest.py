import numpy as np
import pytest

from imaging.image import Image
from imaging.muscles import structure
from imaging.training.legs import SPACING_MM, TrainingLeg, prepare


def tube_labels(tibia: bool = True) -> np.ndarray:
    """Return a tube of muscle with two bones, 60 slices."""
    x, y = np.mgrid[-40:40, -40:40]
    labels = np.zeros((80, 80, 60), np.int16)
    ring = np.hypot(x, y) < 34
    labels[ring & (x < 0)] = structure("GM").index
    labels[ring & (x >= 0)] = structure("PL").index
    labels[ring & (y < -10)] = structure("SOL").index
    labels[np.hypot(x, y - 20) < 10] = structure("TIB").index if tibia else 0
    labels[np.hypot(x - 15, y) < 5] = structure("FIB").index
    return labels


@pytest.fixture(scope="session")
def tube() -> TrainingLeg:
    grid = Image(tube_labels(), np.diag([*SPACING_MM, 1.0]))
    return prepare("tube", "tube", grid, np.zeros(grid.shape, bool))


@pytest.fixture(scope="session")
def labels_of_tube():
    return tube_labels
