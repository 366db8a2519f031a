"""What is no lower leg, and what is one: what the segmentation says of each, and whether it is so.

``python -m benchmarks.negatives [--only WORD ...] [--network FOLDER]`` shows the segmentation
drawn parts of the body (thigh, hip, knee, foot, hand, forearm, upper arm, head, bottles) in four
contrasts, noise and a fat image, and stations cut from the real images of ``../shared/data``
(whole, near the knee, near the ankle; legs pressed together; a scan that goes on above the knee).
A part that is none is right when it is refused, or flagged, for a reason that is true of it; a
true leg is right when nothing speaks against its being one. The last line counts both.
The drawn parts are simple; no real image of another part of the body was at hand.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks._bodies import PARTS, draw, pressed_together
from benchmarks.segmentation import ANATOMY
from imaging.errors import PennateError
from imaging.formats.nifti import load_image
from imaging.image import Image, canonical
from imaging.io.networks import load_network
from imaging.phantom import not_legs
from imaging.segmentation.legs import correct_bias, leg_mask, split_legs
from imaging.segmentation.network import Network, built_in
from imaging.segmentation.segment import Sources, segment

# Words of the reasons that are true of each part.
FAT = ("an image of fat alone",)
JOINT = ("Bone fills most", "a joint", ": a knee, a thigh, a foot")
FOOT = ("in a foot", "or a foot", *JOINT)
REASONS: dict[str, tuple[str, ...]] = {
    "thigh": ("as in a thigh",), "both thighs": ("as in a thigh",), "upper arm": ("an upper arm",),
    "hip": ("at the hip",), "knee": JOINT, "knee and thigh": ("as in a thigh", *JOINT),
    "foot, sections across it": (*FOOT, "another part of the body"),
    "foot, sections along it": FOOT,
    "both feet, across them": (*FOOT, "another part of the body"), "hand": ("a hand",),
    "forearm": ("in a forearm",), "head": ("as in a head", "another part of the body"),
    "bottle": ("a bottle",),
    "two bottles": ("a bottle",), "noise": ("only background noise",),
}  # fmt: skip
# What speaks against a lower leg; other warnings are about its muscles.
AGAINST = (
    "Error", "as in a ", "at the hip", "No slice looks", "fits no place", "looks little like",
    "Hardly any", "Three bones", "an image of fat", "as wide as two", "taken for one",
)  # fmt: skip
PERSON, MRI = ANATOMY.parent / "person", ANATOMY.parent / "mri"


def negatives() -> Iterator[tuple[str, str, Callable[[], Image]]]:
    """Yield name, part and image of what is no lower leg."""
    for name, part in PARTS.items():
        for contrast in ("t1", "opposed", "t2", "water"):
            yield f"{name}, {contrast}", name, lambda p=part, c=contrast: draw(p, c)  # type: ignore[misc]
    yield "noise", "noise", lambda: not_legs.noise(4)


def part_of(image: Image, low: int, high: int) -> Image:
    """Return a station of a scan."""
    return Image(image.data[:, :, low:high], image.affine)


def real(name: str) -> Image:
    folder = PERSON if (PERSON / f"both-lower-legs_{name}.nii.gz").is_file() else MRI
    return canonical(load_image(folder / f"both-lower-legs_{name}.nii.gz"))


def b0() -> Image:
    image = load_image(PERSON / "both-lower-legs_dwi.nii.gz", ndim=4)
    return canonical(Image(image.data[..., 0], image.affine))


def pressed_real(name: str, by_mm: float) -> Image:
    image = real(name)
    return pressed_together(image, split_legs(leg_mask(image), image.spacing, image.data), by_mm)


def with_thighs(name: str, low: int, high: int) -> Image:
    """Return a scan of legs that goes on with 25 cm of drawn thighs."""
    image = part_of(real(name), low, high)
    step = image.spacing
    thighs = draw(PARTS["both thighs"], "opposed")
    scale = float(np.percentile(image.data, 99) / np.percentile(thighs.data, 99))
    count = int(250 / step[2])
    out = np.zeros((*image.shape[:2], count), np.float32)
    i = (np.arange(image.shape[0]) - image.shape[0] / 2) * step[0] / 2 + thighs.shape[0] / 2
    j = (np.arange(image.shape[1]) - image.shape[1] / 2) * step[1] / 2 + thighs.shape[1] / 2
    at = np.ix_(np.clip(i, 0, thighs.shape[0] - 1).astype(int),
                np.clip(j, 0, thighs.shape[1] - 1).astype(int))  # fmt: skip
    for k in range(count):
        out[:, :, k] = thighs.data[:, :, k % thighs.shape[2]][at] * scale
    return Image(np.concatenate([image.data, out], 2), image.affine)


def positives() -> Iterator[tuple[str, Callable[[], Image]]]:
    """Yield name and image of true lower legs."""
    for name in ("gre", "anat_3mm", "water", "b0"):
        full = b0 if name == "b0" else lambda n=name: real(n)  # type: ignore[misc]
        yield name, full
        yield f"{name}, lowest 5 cm", lambda f=full: part_of(f(), 0, 8)
        yield f"{name}, highest 5 cm", lambda f=full: part_of(f(), -8, f().shape[2])
    for low, high, what in (
        (16, 90, "ankle to knee"), (14, 24, "at the ankle"), (18, 36, "above the ankle"),
        (40, 60, "middle"), (62, 84, "below the knee"), (70, 86, "near the knee"),
        (76, 88, "at the knee"),
    ):  # fmt: skip
        for te in ("4.60", "3.45"):
            scan = f"dixon_te{te}_mag"
            yield f"{scan}, {what}", lambda s=scan, a=low, b=high: part_of(real(s), a, b)  # type: ignore[misc]
    for name in ("gre", "water", "anat_3mm"):
        for by in (0.0, 16.0, 32.0):
            yield f"{name}, pressed by {by:.0f} mm", lambda n=name, b=by: pressed_real(n, b)  # type: ignore[misc]
    yield "ankle to thigh", lambda: with_thighs("dixon_te4.60_mag", 8, 88)


def said(image: Image, network: Network) -> list[str]:
    """Return what the segmentation says of an image."""
    try:
        mask = leg_mask(image)
        found = segment(correct_bias(image, mask), mask, Sources(network))
    except PennateError as error:
        return [f"{type(error).__name__}: {error}"]
    return [w for w in found.warnings if "little certainty" not in w]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[""], help="Words of the names to show.")
    parser.add_argument("--network", type=Path, default=built_in())
    chosen = parser.parse_args()
    network = load_network(chosen.network)
    counts = {"negatives": [0, 0], "true legs": [0, 0]}

    def tell(kind: str, name: str, right: bool, words: list[str]) -> None:
        counts[kind][0] += right
        counts[kind][1] += 1
        print(
            f"{'right' if right else 'WRONG':6s} {name:44s} {' | '.join(words)[:300]}", flush=True
        )

    def wanted(name: str) -> bool:
        return any(word in name for word in chosen.only)

    for name, part, make in negatives():
        if wanted(name):
            words = said(make(), network)
            right = any(reason in word for reason in REASONS[part] for word in words)
            tell("negatives", name, right, words)
    if PERSON.is_dir() and wanted("fat image"):
        words = said(real("fat"), network)
        tell("negatives", "fat image", any(r in w for r in FAT for w in words), words)
    for name, make_leg in positives() if MRI.is_dir() else ():
        if wanted(name):
            words = said(make_leg(), network)
            right = not any(against in word for against in AGAINST for word in words)
            tell("true legs", name, right, words)
    print("; ".join(f"{kind}: {right} of {n} right" for kind, (right, n) in counts.items()))


if __name__ == "__main__":
    main()
