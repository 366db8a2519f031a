"""What the network says of one leg, and where along the leg it says so."""

from __future__ import annotations

from typing import Any

from imaging.arrays import BoolArray
from imaging.muscles import Side
from imaging.segmentation.locate import Place, locate, within_reach
from imaging.segmentation.looks import looks
from imaging.segmentation.network import LegSlices, Network
from imaging.segmentation.shares import Shares
from imaging.segmentation.view import LegView


def network_shares(
    network: Network, slices: LegSlices, side: Side
) -> tuple[Shares, dict[str, Any], Place | None]:
    """Return the probabilities of one leg (none where no leg has any), what to note, its place.

    Parameters
    ----------
    network
        The network.
    slices
        The leg.
    side
        Left legs are shown to the network mirrored.
    """
    shares, ranges = looks(network, slices, side == "left")
    facts: dict[str, Any] = {"volume_ranges_of_looks": {k: round(r, 3) for k, r in ranges.items()}}
    place = locate(shares, network.card["profile"], slices.data > 0)
    if place is not None:
        ends = [round(float(h), 2) for h in place.heights[[0, -1]]]
        facts |= {"heights": ends, "tibia_mm": place.length_mm}
        facts["misfit_of_place"] = round(place.misfit, 3)
        if place.sure:
            shares = within_reach(shares, place, network.card["profile"])
    return shares, facts, place


def between_joints(view: LegView, shares: Shares, place: Place | None) -> BoolArray | None:
    """Return the slices of a view between ankle and knee; none where that is not known."""
    if place is None or not place.sure:
        return None
    between = place.on(shares.grid, view.work).between
    return between if (between & view.tissue.valid).any() else None
