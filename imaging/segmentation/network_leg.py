"""What the network says of one leg, and where along the leg it says so."""

from __future__ import annotations

from typing import Any

from imaging.muscles import Side
from imaging.segmentation.locate import locate, within_reach
from imaging.segmentation.network import LegSlices, Network, run
from imaging.segmentation.shares import Shares

_SURE_OF_PLACE = 0.09


def network_shares(
    network: Network, slices: LegSlices, side: Side
) -> tuple[Shares, dict[str, Any]]:
    """Return the probabilities of one leg, none where no leg has a structure, and what to note.

    Parameters
    ----------
    network
        The network.
    slices
        The leg.
    side
        Left legs are shown to the network mirrored.
    """
    shares = run(network, slices, side == "left")
    facts: dict[str, Any] = {}
    place = locate(shares, network.card["profile"], slices.data > 0)
    if place is not None:
        ends = [round(float(h), 2) for h in place.heights[[0, -1]]]
        facts |= {"heights": ends, "tibia_mm": place.length_mm}
        facts["misfit_of_place"] = round(place.misfit, 3)
        if place.misfit < _SURE_OF_PLACE:
            shares = within_reach(shares, place, network.card["profile"])
    return shares, facts
