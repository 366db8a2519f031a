"""Dice of the segmentation network on legs that it was not trained on, alone and in the whole way.

``python -m benchmarks.network --network FOLDER --body vhf`` prints two tables. The first: synthetic
slices of the body that was held out, and of new digital legs, mild and full difficulty, network
alone. The second (``--whole``): whole legs through the whole way (localisation, anatomical sense,
refinement) in plain painted images, by the network, by registration of the other body, and by both.
Label maps are those of ``../shared/data/anatomy``.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from benchmarks.segmentation import ANATOMY, dice
from benchmarks.sparse import drawn_map, elsewhere, painted, real_leg
from imaging.io.atlas import load_atlas
from imaging.io.networks import load_network
from imaging.segmentation.network import built_in
from imaging.segmentation.segment import Sources, segment
from imaging.segmentation.view import work_spacing
from imaging.training.choices import FAMILIES, Choices
from imaging.training.dice import FULL, LARGE, MILD, class_dice, summary
from imaging.training.scans import Predict
from imaging.training.sources import atlas_legs, digital_leg

SCHEME = "visible_human"


def linked(body: str | None) -> Path:
    """Return a folder with the label maps of one body (none: all) and its ``atlas.json``."""
    folder = Path(tempfile.mkdtemp())
    names = sorted(p.name for p in ANATOMY.glob("*_dseg.nii.gz") if not body or body in p.name)
    for name in names:
        (folder / name).symlink_to(ANATOMY / name)
    sides = {n: "left" if "left" in n else "right" for n in names}
    about = {"scheme": SCHEME, "name": "Visible Human", "version": "2023", "sides": sides}
    (folder / "atlas.json").write_text(json.dumps(about))
    return folder


def earlier(rng: np.random.Generator, difficulty: float) -> Choices:
    """Draw what an image shows as it was when version 0.3 was judged: contrasts, nothing rarer."""
    chances = np.array([0.30, 0.20, 0.22, 0.11, 0.03, 0.14 * difficulty])
    return Choices(FAMILIES[int(rng.choice(len(chances), p=chances / chances.sum()))])


def slices(predict: Predict, seen: tuple[float, ...], body: str, new: list[int]) -> pd.DataFrame:
    """Return Dice of the network alone on synthetic slices."""
    legs = {"held out": [leg for leg in atlas_legs(linked(None)) if leg.body == body]}
    legs["digital"] = [digital_leg(seed) for seed in new]
    rows = {}
    for name, own in legs.items():
        for hard, words in ((MILD, "mild"), (FULL, "full")):
            for known in (True, False):
                found = class_dice(predict, own, hard, known=known, slices_mm=seen, choose=earlier)
                large, single = summary(found)
                told = "height told" if known else "not told"
                rows[f"{name}, {words}, {told}"] = {"large": large, "single": single, **found}
    return pd.DataFrame(rows).T.drop(columns=["outside", "rest"])


WAYS = ("registration", "network", "both", "registration, 4 drawn", "network, 4 drawn")


def whole(
    network: Path, body: str, contrasts: list[str], thick_mm: list[int], wanted: list[str]
) -> pd.DataFrame:
    """Return mean Dice of whole legs, by way."""
    net = load_network(network)
    other = next(b for b in ("vhf", "vhm") if b != body)
    atlas = load_atlas(linked(other), work_spacing(2.0))
    rows: dict[str, dict[str, float]] = {}
    for contrast in contrasts:
        for thick in thick_mm:
            labels = real_leg(f"{body}_right")
            image, truth = painted(labels, contrast, thick)
            mask = ndimage.binary_opening(image.data > 60, np.ones((3, 3, 1))) | (truth.data > 0)
            drawn, planes = drawn_map(truth, 4)
            ways = {
                "registration": Sources(None, atlas, 2),
                "network": Sources(net),
                "both": Sources(net, atlas, 2),
                "registration, 4 drawn": Sources(None, atlas, 2, drawn),
                "network, 4 drawn": Sources(net, drawn=drawn),
            }
            for way, sources in ((w, ways[w]) for w in wanted):
                found = segment(image, mask, sources, side="right").labels % 100
                score = elsewhere(truth, found, planes) if "drawn" in way else dice(
                    truth.data, found
                )  # fmt: skip
                large = float(np.mean([score[k] for k in LARGE]))
                row = {"large": large, "all": float(np.mean(list(score.values()))), **score}
                rows[f"{contrast}, {thick} mm: {way}"] = row
                print(f"# {contrast} {thick} mm {way} {large:.2f}", flush=True)
    return pd.DataFrame(rows).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", type=Path, default=built_in())
    parser.add_argument("--body", default="vhf", help="Body that the network was not trained on.")
    parser.add_argument("--new", nargs="*", type=int, default=[2001, 2002])
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--contrasts", nargs="*", default=["t1", "water", "t2"])
    parser.add_argument("--thick", nargs="*", type=int, default=[5])
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=list(WAYS))
    chosen = parser.parse_args()
    network = load_network(chosen.network)

    def predict(x: np.ndarray) -> np.ndarray:
        return np.asarray(network.session.run(None, {"input": x[None]})[0][0])

    if chosen.whole:
        table = whole(chosen.network, chosen.body, chosen.contrasts, chosen.thick, chosen.ways)
    else:
        table = slices(predict, network.slices_mm, chosen.body, chosen.new)
    print(table.round(2).to_string())


if __name__ == "__main__":
    main()
