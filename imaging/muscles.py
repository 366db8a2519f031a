"""The catalogue of muscles and bones, labels with sides, and translation of foreign label schemes.

A label is ``100 * side + index``: side 1 left, 2 right, 0 where the side is not known. What a
scheme merges keeps an index of its own (``PL+PB``), so that a merged label stays visible.

Muscles of hip, thigh, trunk and foot have keys and labels for recordings, and are *not imaged*:
a label map that holds one of these labels is refused as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from imaging.errors import LabelError
from imaging.own_tables import own_rows

if TYPE_CHECKING:
    import pandas as pd

Side = Literal["left", "right", "undecided"]
SIDE_CODES: Mapping[Side, int] = {"undecided": 0, "left": 1, "right": 2}
NOT_IMAGED = "not imaged"
ANONYMOUS = 1000
"""Labels above are muscles that the catalogue does not know; who drew them names them."""
FEWEST_VOXELS = 30
"""Labels of fewer voxels are no muscle that could be measured."""
SIDES: Mapping[int, Side] = {code: side for side, code in SIDE_CODES.items()}
Names = Mapping[int, str]
"""What those who drew them call muscles of labels above ``ANONYMOUS``."""
NO_NAMES: Names = MappingProxyType({})


@dataclass(frozen=True)
class Structure:
    """One row of the catalogue (see ``imaging/data/muscles.tsv``).

    `bipennate` is 1 where fascicles end on an aponeurosis inside the muscle. `typical_ml` is the
    volume in a young adult (Rajagopal 2016: maximal force / 60 N/cm2 times fascicle length; PT, PLA
    and POP from dissection), 0 where there is none.
    """

    index: int
    key: str
    name: str
    tissue: str
    compartment: str
    group: str
    bipennate: int
    typical_ml: int

    @property
    def is_muscle(self) -> bool:
        """Tell whether this is a muscle or a merged group of muscles."""
        return self.tissue in ("muscle", "group")


@cache
def _all() -> tuple[Structure, ...]:
    numbers = ("index", "bipennate", "typical_ml")
    return tuple(
        Structure(**{k: int(v) if k in numbers else v for k, v in row.items()})  # type: ignore[arg-type]
        for row in own_rows("muscles.tsv")
    )


@cache
def catalogue() -> tuple[Structure, ...]:
    """Return every structure that an image can show, in the order of its index."""
    return tuple(s for s in _all() if s.tissue != NOT_IMAGED)


@cache
def recordable() -> tuple[Structure, ...]:
    """Return every muscle that EMG can be recorded of, in an image or not, by its index."""
    return tuple(s for s in _all() if s.is_muscle or s.tissue == NOT_IMAGED)


@cache
def _by_key() -> dict[str, Structure]:
    return {s.key: s for s in catalogue()}


@cache
def _by_index() -> dict[int, Structure]:
    return {s.index: s for s in catalogue()}


@cache
def _recordable_by_key() -> dict[str, Structure]:
    return {s.key: s for s in recordable()}


@cache
def _recordable_by_index() -> dict[int, Structure]:
    return {s.index: s for s in recordable()}


def structure(key: str) -> Structure:
    """Return the structure with a key such as ``SOL``.

    Raises
    ------
    LabelError
        No such key.
    """
    if key not in _by_key():
        raise LabelError(f"no structure has the key {key!r}", None, "See imaging/data/muscles.tsv")
    return _by_key()[key]


def recorded_muscle(key: str) -> Structure:
    """Return the muscle with a key, imaged or not, such as ``SOL`` or ``GMAX``.

    Raises
    ------
    LabelError
        No such muscle.
    """
    if key not in _recordable_by_key():
        raise LabelError(f"no muscle has the key {key!r}", None, "See imaging/data/muscles.tsv")
    return _recordable_by_key()[key]


def label_of(key: str, side: Side) -> int:
    """Return the label of a structure on a side, also of a muscle that is not imaged."""
    known = _recordable_by_key().get(key) or structure(key)
    return 100 * SIDE_CODES[side] + known.index


def is_known(label: int) -> bool:
    """Tell whether a label is in the catalogue of what an image can show."""
    return 0 <= int(label) < 300 and int(label) % 100 in _by_index()


def is_recordable(label: int) -> bool:
    """Tell whether a label is that of a muscle that EMG can be recorded of."""
    return 0 <= int(label) < 300 and int(label) % 100 in _recordable_by_index()


def recorded_of(label: int) -> Structure:
    """Return the muscle of the label of a channel, imaged or not.

    Raises
    ------
    LabelError
        Not the label of a muscle.

    Examples
    --------
    >>> recorded_of(label_of("GMAX", "left")).name
    'gluteus maximus'
    """
    if not is_recordable(label):
        raise LabelError(f"label {label} is not that of a muscle", None, "Name the muscle")
    return _recordable_by_index()[int(label) % 100]


def structure_of(label: int, names: Names = NO_NAMES) -> Structure:
    """Return the structure of a label: that of the catalogue, or a muscle that `names` names.

    Raises
    ------
    LabelError
        The label is in neither.

    Examples
    --------
    >>> structure_of(107).key, structure_of(1001, {1001: "vastus"}).key
    ('GM', 'vastus')
    """
    if label in names and label > ANONYMOUS:
        name = names[label]
        return Structure(int(label), name, name, "muscle", "unknown", name, 0, 0)
    if not is_known(label):
        raise LabelError(f"label {label} is not in the catalogue", None, "Translate it first")
    return _by_index()[int(label) % 100]


def is_bipennate(label: int) -> bool:
    """Tell whether the catalogue has a muscle whose fascicles end on an aponeurosis inside it."""
    return is_known(label) and structure_of(label).bipennate == 1


def side_of(label: int) -> Side:
    """Return the side of a label; ``undecided`` for what the catalogue does not know."""
    return SIDES.get(int(label) // 100, "undecided")


def side_and_key(label: int, joint: str = " ", names: Names = NO_NAMES) -> str:
    """Return side and key of a label, ``left SOL``; the key alone where the side is not known."""
    return _with_side(label, shown_of(label, names).key, joint)


def side_and_name(label: int, names: Names = NO_NAMES) -> str:
    """Return side and name of a label, ``left soleus``; the name alone without a known side."""
    return _with_side(label, shown_of(label, names).name, " ")


def shown_of(label: int, names: Names = NO_NAMES) -> Structure:
    """Return the structure of a label, or the muscle of a channel that is not imaged.

    Raises
    ------
    LabelError
        The label is neither.
    """
    own = _recordable_by_index().get(int(label) % 100) if 0 <= label < 300 else None
    return own or structure_of(label, names)


def _with_side(label: int, words: str, joint: str) -> str:
    side = side_of(label)
    return words if side == "undecided" else f"{side}{joint}{words}"


def muscle_keys() -> tuple[str, ...]:
    """Return the keys of the fourteen single muscles."""
    return tuple(s.key for s in catalogue() if s.tissue == "muscle")


@cache
def single_keys(key: str) -> frozenset[str]:
    """Return the single structures that a key stands for: itself, or the members of its group."""
    own = structure(key)
    if own.tissue != "group":
        return frozenset([key])
    if "+" in key:
        return frozenset(key.split("+"))
    muscles = [s for s in catalogue() if s.tissue == "muscle"]
    inside = [s.key for s in muscles if s.compartment == own.compartment]
    return frozenset(inside or [s.key for s in muscles])


def muscle_labels(labels: NDArray[Any]) -> list[int]:
    """Return the labels in a label map that are muscles or merged muscles, sorted.

    Those above ``ANONYMOUS`` are muscles, too.
    """
    present = [int(v) for v in np.unique(labels) if v > 0]
    return [v for v in present if v > ANONYMOUS or structure_of(v).is_muscle]


def bone_labels(labels: NDArray[Any]) -> list[int]:
    """Return the labels in a label map that are bones, sorted."""
    present = [int(v) for v in np.unique(labels) if is_known(int(v))]
    return [v for v in present if structure_of(v).tissue == "bone"]


LOOKUP = ("index", "name", "key", "side", "group", "compartment")


def lookup_rows(labels: NDArray[Any]) -> list[tuple[int, str, str, Side, str, str]]:
    """Return the rows of the BIDS look-up of a label map; the columns are `LOOKUP`."""
    rows = []
    for label in (int(v) for v in np.unique(labels) if v > 0):
        s, side = structure_of(label), side_of(label)
        rows.append((label, side_and_name(label), s.key, side, s.group, s.compartment))
    return rows


def lookup_table(labels: NDArray[Any]) -> pd.DataFrame:
    """Return the BIDS look-up of a label map as `lookup_rows` does, as a table."""
    import pandas as pd  # a third of a second, in vain for who only asks for names

    return pd.DataFrame(lookup_rows(labels), columns=list(LOOKUP))


def too_few_voxels(count: int, voxel_ml: float) -> str | None:
    """Return why a label of so many voxels of `voxel_ml` (ml) is no muscle, or None."""
    if count >= FEWEST_VOXELS:
        return None
    voxels = "1 voxel" if count == 1 else f"{count} voxels"
    return f"its label has {voxels} ({count * voxel_ml:.2g} ml): too few for a muscle"
