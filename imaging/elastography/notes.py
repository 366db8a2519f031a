"""What the stage tells beside its figures: sentences of methods, citations, warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imaging.arrays import FloatArray
from imaging.elastography.fields import FrequencyField, HarmonicFields
from imaging.elastography.inversion import Inversion
from imaging.elastography.transverse_draws import ASSUMED_DEG
from imaging.muscles import side_and_key, structure_of
from imaging.stiffness import PLAUSIBLE_PA, QUANTITIES

#: A modulus whose 95 % interval reaches further than this share of it either way is flagged.
UNSURE_HALF_WIDTH = 0.2
ONE_CHANNEL = (
    "one driver at one frequency cannot tell the moduli across and along the fibres apart: further "
    "drivers or frequencies are needed"
)
# Below this share the wave is weaker than what else moved.
_POOR_QUALITY = 0.5
# Noise of the first harmonic over that of other bins from which it is told.
_SHAKEN = 1.5
_ISOTROPIC = (
    "Waves were taken as those of an isotropic medium; in muscle, which is not, the value depends "
    "on how the waves run to the fibres."
)
_SINKUS = (
    "Sinkus R, Tanter M, Xydeas T, Catheline S, Bercoff J, Fink M. Viscoelastic shear properties "
    "of in vivo breast lesions measured by MR elastography. Magn Reson Imaging 2005;23:159-165."
)
MDEV_CITATIONS = (
    "Hirsch S, Guo J, Reiter R, et al. MR elastography of the liver and the spleen using a "
    "piezoelectric driver, single-shot wave-field acquisition, and multifrequency dual parameter "
    "reconstruction. Magn Reson Med 2014;71:267-277.",
    _SINKUS,
)
CURL_CITATIONS = (_SINKUS,)
KMDEV_CITATIONS = (
    "Tzschätzsch H, Guo J, Dittmann F, et al. Tomoelastography by multifrequency wave number "
    "recovery from time-harmonic shear waves. Med Image Anal 2016;30:1-10.",
)
VIRTUAL_FIELDS_CITATIONS = (
    "Fovargue D, Kozerke S, Sinkus R, Nordsletten D. Robust MR elastography stiffness "
    "quantification using a localized divergence free finite element reconstruction. Med Image "
    "Anal 2018;44:126-142.",
    "Connesson N, Clayton EH, Bayly PV, Pierron F. Extension of the optimised virtual fields "
    "method to estimate viscoelastic material parameters from 3D dynamic displacement fields. "
    "Strain 2015;51:110-134.",
)
FIBRE_CITATIONS = (
    "Tweten DJ, Okamoto RJ, Schmidt JL, Garbow JR, Bayly PV. Estimation of material parameters "
    "from slow and fast shear waves in an incompressible, transversely isotropic material. J "
    "Biomech 2015;48:4002-4009.",
    "Romano AJ, Shirron JJ, Bucaro JA. On the noninvasive determination of material parameters "
    "from a knowledge of elastic displacements: theory and numerical simulation. IEEE Trans "
    "Ultrason Ferroelectr Freq Control 1998;45:751-759.",
)


@dataclass(frozen=True)
class MethodTexts:
    """How an inversion is named, and what its value is."""

    title: str
    what: str
    isotropic: bool = True


METHODS = {
    "mdev": MethodTexts("MDEV", "The magnitude of the complex shear modulus |G*|"),
    "curl": MethodTexts("curl", "Storage modulus G' and loss modulus G''"),
    "kmdev": MethodTexts("k-MDEV", "The shear stiffness rho c^2"),
    "vfm": MethodTexts("virtual fields", "The magnitude of the complex shear modulus |G*|"),
    "ti": MethodTexts("fibre-aware", "Moduli across and along the fibres", isotropic=False),
}


def inversion_sentence(found: Inversion, hertz: str, region: str) -> str:
    """Return what an inversion did; `hertz` and `region` say at which frequencies and where."""
    texts = METHODS[found.method]
    sentence = f"{texts.what} at {hertz} came from wave images by {found.text}, inside {region}."
    return f"{sentence} {_ISOTROPIC}" if texts.isotropic else sentence


def wave_sentence(hertz: str, drivers: int, region: str, names: Sequence[str] = ()) -> str:
    """Return what was done to the wave images before any inversion."""
    named = f" ({', '.join(names)})" if names else ""
    return (
        f"Wave images at {hertz} with {drivers} driver(s){named} were reduced to "
        f"the first harmonic of the displacement inside {region}."
    )


def ready_sentence(
    declared: str, unit: str, hertz: str, method: str, kept: str, conversion: str
) -> str:
    """Return what was done to a ready map: quantity declared and kept, both by their keys."""
    return (
        f"A ready map ({QUANTITIES[declared]}, {unit}, {hertz}, {method}) was kept as "
        f"{QUANTITIES[kept]} in Pa ({conversion})."
    )


def wave_warnings(waves: HarmonicFields, voxel_mm: float) -> list[str]:
    """Return what a reader must know of the waves before any inversion."""
    return [text for one in waves.frequencies for text in _of_frequency(one, waves, voxel_mm)]


def _of_frequency(one: FrequencyField, waves: HarmonicFields, voxel_mm: float) -> list[str]:
    out = [f"At {one.named} {text}" for text in one.repair.warnings]
    if one.motion is not None and one.motion.displacement_mm.max() > 0.5 * voxel_mm:
        out.append(
            f"The leg moved by up to {one.motion.displacement_mm.max():.1f} mm between wave "
            f"images at {one.named}."
        )
    if (share := one.quality_in(waves.tissue)) < _POOR_QUALITY:
        out.append(
            f"At {one.named} less than half of the motion is the wave (median {share:.0%}): "
            "stiffness is unsure."
        )
    if one.check is not None and one.check.doubtful:
        out.append(
            f"At {one.named} the displacement changes volume, which tissue does not "
            f"(divergence {one.check.declared:.0%} of the gradient); components as "
            f"{one.check.matrix.astype(int).tolist()} along the image axes would leave "
            f"{one.check.least:.0%}: check order and sign of EncodingDirections."
        )
    if one.slice_jump > 0:
        out.append(
            f"At {one.named} slices were taken at other moments of the vibration (phase jumps of "
            f"{one.slice_jump:.1f} rad between them); they were put in line, and waves that run "
            "across slices are less sure."
        )
    if one.noise_gain is not None and one.noise_gain > _SHAKEN:
        out.append(
            f"At {one.named} the first harmonic holds {one.noise_gain:.1f} times the noise of the "
            "other time steps (pulsation, motion of the table): it was reckoned with, intervals "
            "are wider."
        )
    if one.offsets < 4:
        out.append(
            f"At {one.named} there are {one.offsets} offsets only: noise was judged from "
            "neighbouring voxels, and higher harmonics cannot be told from the wave."
        )
    return out


def failed_warning(method: str, error: Exception) -> str:
    """Say that an inversion found nothing."""
    return f"{METHODS[method].title} gave no result: {error}"


def mdev_warnings(confidence: FloatArray, dimensions: int, drivers: int) -> tuple[str, ...]:
    """Return what a reader must know of MDEV: confidence (N,) where it holds, axes, drivers."""
    out = []
    if drivers == 1:
        out.append(
            "One driver only: stiffness is unsure where its waves are weak (see confidence)."
        )
    if dimensions == 2:
        out.append("Derivatives across slices were left out: oblique waves appear too stiff.")
    weak = float((confidence < 0.5).mean()) if confidence.size else 1.0
    if weak > 0.25:
        out.append(f"In {weak:.0%} of the voxels less than half of the wave signal is above noise.")
    return tuple(out)


def backwards_warning(share: float) -> str:
    """Say that offsets seem to be in reverse order; `share` of the voxels tells it."""
    return (
        f"The loss modulus is negative in {share:.0%} of the voxels, which it is in no tissue: the "
        "offsets seem to follow each other backwards in time (offset k is k/n of a period, phase = "
        "Re(U exp(+2 pi i k/n))). Its sign is then wrong, other values hardly change."
    )


def virtual_fields_warnings(waves: int) -> tuple[str, ...]:
    """Return what a reader must know of virtual fields, by the number of independent waves."""
    if waves > 1:
        return ()
    return ("One driver at one frequency: where its waves are weak, stiffness follows neighbours.",)


def implausible_warning(label: int, name: str, median_pa: float) -> str:
    """Say that a muscle's median is one that no muscle has."""
    who = "The whole mask" if label == 0 else structure_of(label).name.capitalize()
    low, high = PLAUSIBLE_PA
    return (
        f"{who} (label {label}) has a median {name} of {median_pa:.3g} Pa, outside {low:g} Pa "
        f"to {high / 1000:g} kPa: check the declared quantity and unit."
    )


def few_voxels_warning(labels: Sequence[int], least: int, method: str) -> str:
    """Name the muscles whose median rests on few voxels, and the method that it is of."""
    who = [side_and_key(v) if v else "the whole mask" for v in labels]
    said = ", ".join(dict.fromkeys(who))
    return f"Unsure, from fewer than {least} voxels: stiffness of {said} ({method})."


def unsure_warning(name: str, labels: Sequence[int], share: float) -> str:
    """Name the muscles of one measure whose intervals are wide."""
    return f"Unsure (95 % interval beyond ±{share:.0%}): {name} of {_named(labels)}."


def too_wide_warning(name: str, labels: Sequence[int], share: float) -> str:
    """Name the muscles of one measure that have no figure, because its interval is too wide."""
    return f"Not measured (95 % interval beyond ±{share:.0%}): {name} of {_named(labels)}."


def _named(labels: Sequence[int]) -> str:
    return ", ".join(side_and_key(v) if v else "all tissue" for v in labels)


def fibre_warnings(
    held: Mapping[int, frozenset[str] | None],
    unsure: Mapping[int, frozenset[str]],
    frequencies: int,
    *,
    isotropic: bool,
    unlabelled: bool,
    assumed: bool,
) -> list[str]:
    """Return what a reader of the moduli must know.

    Parameters
    ----------
    held
        Per label the moduli that were measured; None where the muscle holds no test function.
    unsure
        Per label the moduli with wide intervals.
    frequencies
        Number of them.
    isotropic
        One modulus was fitted instead of three.
    unlabelled
        All tissue was taken as one muscle.
    assumed
        The uncertainty of fibre directions was not given.
    """
    out = []
    if isotropic:
        out.append(
            f"Moduli across and along the fibres were not measured: {ONE_CHANNEL}. The value "
            "given takes muscle as isotropic."
        )
    else:
        for name, text in (("mu_perp", "μ⊥"), ("mu_par", "μ∥"), ("e_par", "E∥")):
            if lost := [v for v, h in held.items() if h is not None and name not in h]:
                out.append(f"{text} could not be determined from these waves in: {_named(lost)}.")
            if wide := [v for v, u in unsure.items() if name in u]:
                out.append(
                    f"{text} is unsure (95 % interval beyond ±{UNSURE_HALF_WIDTH:.0%}) in: "
                    f"{_named(wide)}."
                )
    if thin := [v for v, h in held.items() if h is None]:
        out.append(
            f"Too thin in the wave images for moduli of fibres, not measured: {_named(thin)}."
        )
    if unlabelled:
        out.append("Without muscle labels, moduli of fibres mix across muscle borders.")
    if assumed and not isotropic:
        out.append(f"The uncertainty of fibre directions was assumed: {ASSUMED_DEG:g} degrees.")
    if frequencies > 1 and not isotropic:
        out.append("One set of moduli was fitted to all frequencies.")
    return out
