"""What a series is, by its header: its BIDS folder, suffix and entities, or why it is left out.

A site's own rules come first; then what the header says for certain (image type, b-values); then
words of the protocol's name; then the timing of the sequence. What none of these tells is left out
and said, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from imaging.errors import ConfigError
from imaging.io.scanner.series import Series

FOLDERS: Mapping[str, tuple[str, ...]] = {
    "anat": ("T1w", "T2w", "PDw", "T2starw", "MEGRE", "MESE", "FLASH"),
    "dwi": ("dwi",),
    "fmap": ("epi",),
    "mre": ("mre", "stiffness"),
    "us": ("swe",),
}
_PLACE = re.compile(r"(\w+)/((?:[a-z]+-[A-Za-z0-9]+_)*)(\w+)")
_LOCALIZER = re.compile(r"(?i)\b(?:localizer|localiser|scout|survey|smartbrain|3 ?plane|plan)")
_CALIBRATION = re.compile(r"(?i)(?:calibration|asset|\bref(?:erence)? ?scan|coil survey|b1map)")
# What scanners compute from a diffusion series.
_DERIVED = frozenset((
    "ADC", "FA", "TRACEW", "TRACE", "COLFA", "COLORFA", "TENSOR", "TENSOR_B0", "EXP", "EADC",
    "EXPADC", "ISOTROPIC",
))  # fmt: skip
_DERIVED_NAME = re.compile(r"(?i)(?:^|[_ -])(?:e?adc|fa|colfa|tracew?|tensor|exp[_ ]?adc|isotropic"
                           r"|cbval\w*|calc_bvalue)(?:$|[_ -])")  # fmt: skip
_SCREEN = {
    "SCREEN SAVE",
    "SCREENSHOT",
    "SCREEN_SAVE",
    "PROJECTION IMAGE",
    "MIP",
    "MPR",
    "CSA REPORT",
}
# Parts of a Dixon scan: tokens of the image type, and endings of names.
_DIXON = {
    "water": ({"WATER", "W"}, re.compile(r"(?i)(?:^water\b|[_ :-]w(?:ater)?$)")),
    "fat": ({"FAT", "F"}, re.compile(r"(?i)(?:^fat\b|[_ :-]f(?:at)?$)")),
    "inphase": ({"IN_PHASE", "INPHASE", "IP"}, re.compile(r"(?i)(?:in[_ -]?phase|[_ :-]in$)")),
    "outphase": ({"OPP_PHASE", "OUT_PHASE", "OUTPHASE", "OP"},
                 re.compile(r"(?i)(?:(?:out|opp)[_ -]?(?:of[_ -])?phase|[_ :-](?:opp|out)$)")),
    "fatfraction": ({"FAT_FRACTION", "FF", "PERCENT_FAT"},
                    re.compile(r"(?i)(?:fat[_ -]?fraction|[_ :-]ff$|pdff)")),
    "r2star": ({"R2_STAR", "R2STAR", "T2_STAR"},
               re.compile(r"(?i)(?:r2[_ ]?star|t2[_ ]?star map)")),
}  # fmt: skip
_DIXON_NAME = re.compile(r"(?i)(?:dixon|ideal|flex|lava|m?dixon|vibe.*(?:water|fat))")
_MRE_NAME = re.compile(r"(?i)(?:\bmre\b|[_ -]mre|mre[_ -]|elasto)")
_REVERSED = re.compile(r"(?i)(?:revers|blip|_rev\b|pe[_ ]?pol|fmap|topup|flipped)")
_SPIN_ECHO_SPLIT_MS = (60.0, 1500.0)  # beyond: T2-weighted; below in TR: T1-weighted


@dataclass(frozen=True)
class Rule:
    """One line of a site's own choices.

    Attributes
    ----------
    match : str
        Pattern of the protocol's or series' name, ``*`` for anything, case ignored.
    place : str
        Such as ``anat/acq-water_T1w``; empty: as the header tells.
    leave_out : bool
    declare : dict
        Added to the JSON, such as MechanicalFrequency.
    """

    match: str
    place: str = ""
    leave_out: bool = False
    declare: Mapping[str, Any] = field(default_factory=dict)

    def fits(self, series: Series) -> bool:
        """Whether the rule is of a series."""
        names = {series.description.lower(), series.protocol.lower()}
        return any(fnmatchcase(name, self.match.lower()) for name in names)


@dataclass(frozen=True)
class Sorted:
    """A series and its place.

    Attributes
    ----------
    series : Series
    folder, suffix : str
        Empty where it is left out.
    entities : dict
        In the order of a file name, without sub and ses.
    why : str
        What told it, or why it is left out.
    declare : dict
        Added to its JSON.
    """

    series: Series
    folder: str = ""
    suffix: str = ""
    entities: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    declare: Mapping[str, Any] = field(default_factory=dict)

    @property
    def taken(self) -> bool:
        """Whether it becomes a file."""
        return bool(self.folder)

    def name(self, prefix: str) -> str:
        """Return folder and stem, such as ``anat/sub-01_acq-water_T1w``."""
        parts = [prefix, *(f"{k}-{v}" for k, v in self.entities.items()), self.suffix]
        return f"{self.folder}/{'_'.join(parts)}"


def rules_from(content: Any, source: str) -> list[Rule]:
    """Return a site's rules from what its YAML holds: a list of match, as, leave_out, declare.

    Raises
    ------
    ConfigError
        Something else.
    """
    how = "Write a list of entries with match, and as (anat/acq-water_T1w) or leave_out: true"
    if not isinstance(content, list):
        raise ConfigError(f"{source}: holds no list of rules", None, how)
    out = []
    for entry in content:
        known = {"match", "as", "leave_out", "declare"}
        if not isinstance(entry, dict) or "match" not in entry or set(entry) - known:
            raise ConfigError(f"{source}: {entry!r} is no rule", None, how)
        place, leave = str(entry.get("as", "")), entry.get("leave_out", False)
        declared = entry.get("declare", {})
        if bool(place or declared) == bool(leave):
            why = f"{source}: {entry['match']!r} needs as or declare, or else leave_out"
            raise ConfigError(why, None, how)
        if place:
            _parse(place, source)
        if not isinstance(declared, dict):
            raise ConfigError(f"{source}: declare of {entry['match']!r} is no table", None, how)
        out.append(Rule(str(entry["match"]), place, bool(leave), declared))
    return out


def _parse(place: str, source: str) -> tuple[str, str, dict[str, str]]:
    found = _PLACE.fullmatch(place)
    if found is None or found[3] not in FOLDERS.get(found[1], ()):
        raise ConfigError(
            f"{source}: {place!r} is no place for an image", None,
            "Write for example anat/acq-water_T1w, dwi/dwi, fmap/dir-PA_epi or mre/part-phase_mre",
        )  # fmt: skip
    pairs = dict(p.split("-", 1) for p in found[2].split("_") if p)
    return found[1], found[3], pairs


def sort_series(series: Sequence[Series], rules: Sequence[Rule] = ()) -> list[Sorted]:
    """Return the place of every series, names made unique by run-1, run-2."""
    found = [_one(s, rules) for s in series]
    return _numbered(_reversed(_echoes(found)))


def _one(series: Series, rules: Sequence[Rule]) -> Sorted:
    rule = next((rule for rule in rules if rule.fits(series)), None)
    if rule is None:
        return _by_header(series)
    if rule.leave_out:
        return Sorted(series, why=f"left out by the rule {rule.match}")
    if not rule.place:
        return replace(_by_header(series), declare=rule.declare)
    folder, suffix, pairs = _parse(rule.place, "rules")
    return Sorted(series, folder, suffix, pairs, f"the rule {rule.match}", rule.declare)


def _by_header(series: Series) -> Sorted:
    if why := _left_out(series):
        return Sorted(series, why=why)
    if series.modality == "US":
        return Sorted(series, "us", "swe", {}, "ultrasound")
    if any(b > 0 for b in series.b_values):
        return Sorted(series, "dwi", "dwi", {}, "b-values")
    if _MRE_NAME.search(f"{series.protocol} {series.description}"):
        return _mre(series)
    if part := _dixon_part(series):
        if part in ("fatfraction", "r2star"):
            return Sorted(series, why=f"a {part} map that the scanner computed")
        weight = "T1w" if (series.echo_ms or 0) < 15 else "T2w"
        return Sorted(series, "anat", weight, {"acq": part}, f"the {part} image of a Dixon scan")
    if "EP" in series.scanning:
        return Sorted(series, "fmap", "epi", {}, "echo-planar without diffusion weighting")
    if _is_phase(series):
        return Sorted(series, why="a phase image that no stage reads")
    return _weighted(series)


def _left_out(series: Series) -> str:
    """Return why a series is not converted, whatever its contrast; empty where it may be."""
    names = re.sub(r"[_-]", " ", f"{series.description} {series.protocol}")
    types = set(series.image_type)
    if series.modality not in ("MR", "US"):
        return f"of modality {series.modality or 'unknown'}"
    if series.modality == "MR" and not series.is_mr:
        return "no MR image: a report, a map, a segmentation or a picture"
    if "LOCALIZER" in types or "LOC" in types or _LOCALIZER.search(names):
        return "a localizer"
    if _CALIBRATION.search(names):
        return "a calibration scan"
    if types & _SCREEN or ({"DERIVED", "SECONDARY"} <= types and "MIP" in names.upper()):
        return "a picture of a screen or a projection"
    if types & _DERIVED or ("DERIVED" in types and _DERIVED_NAME.search(series.description)):
        return "a map that the scanner computed from diffusion images"
    if types & {"PHASE CONTRAST", "VELOCITY"}:
        return "a flow image"
    return ""


def _is_phase(series: Series) -> bool:
    return bool({"P", "PHASE", "PHASE MAP"} & set(series.image_type))


def _mre(series: Series) -> Sorted:
    if _is_phase(series):
        return Sorted(series, "mre", "mre", {"part": "phase"}, "phase of an elastography scan")
    if {"STIFFNESS", "WAVE", "CONFIDENCE", "ELASTOGRAM"} & set(series.image_type):
        return Sorted(
            series, why="a map of elastography that the scanner computed: name it in rules"
        )
    return Sorted(series, "mre", "mre", {"part": "mag"}, "magnitude of an elastography scan")


def _dixon_part(series: Series) -> str:
    types = set(series.image_type)
    named = bool(_DIXON_NAME.search(f"{series.protocol} {series.description}")) or "DIXON" in types
    for part, (tokens, ending) in _DIXON.items():
        clear = tokens - {"W", "F", "IP", "OP", "FF"}
        if types & clear or (named and (types & tokens or ending.search(series.description))):
            return part
    return ""


def _weighted(series: Series) -> Sorted:
    """Return the contrast from echo and repetition time."""
    te, tr = series.echo_ms, series.repetition_ms
    if te is None or tr is None:
        return Sorted(series, why="its header gives no echo or repetition time: name it in rules")
    if "GR" in series.scanning or ("SE" not in series.scanning and (series.flip_deg or 90) < 60):
        suffix = "T1w" if te < 10 else "T2starw"
        return Sorted(series, "anat", suffix, {}, f"gradient echo, TE {te:g} ms")
    te_split, tr_split = _SPIN_ECHO_SPLIT_MS
    suffix = "T2w" if te >= te_split else "T1w" if tr < tr_split else "PDw"
    return Sorted(series, "anat", suffix, {}, f"spin echo, TE {te:g} ms, TR {tr:g} ms")


def _echoes(found: list[Sorted]) -> list[Sorted]:
    """Give the echoes of a series their numbers: gradient echoes MEGRE, spin echoes MESE."""
    groups: dict[tuple[str, tuple[str, ...]], list[Sorted]] = {}
    for one in found:
        if one.folder == "anat" and "acq" not in one.entities:
            groups.setdefault((one.series.uid, one.series.image_type), []).append(one)
    out = {id(one): one for one in found}
    for own in groups.values():
        times = sorted({one.series.echo_ms for one in own if one.series.echo_ms is not None})
        if len(times) < 2:
            continue
        for one in own:
            echo = str(1 + times.index(one.series.echo_ms))  # type: ignore[arg-type]
            suffix = "MESE" if "SE" in one.series.scanning else "MEGRE"
            out[id(one)] = replace(one, suffix=suffix, entities={**one.entities, "echo": echo},
                                   why=f"echo {echo} of {len(times)}")  # fmt: skip
    return [out[id(one)] for one in found]


def _reversed(found: list[Sorted]) -> list[Sorted]:
    """Take diffusion series without weighting that are named as reversed for field maps."""
    out = []
    for one in found:
        small = one.folder == "dwi" and len(one.series.b_values) <= 1
        if small and _REVERSED.search(f"{one.series.protocol} {one.series.description}"):
            one = replace(
                one, folder="fmap", suffix="epi", why="named as of reversed phase encoding"
            )
        out.append(one)
    return out


def _numbered(found: list[Sorted]) -> list[Sorted]:
    names = [one.name("") for one in found]
    out, seen = [], dict.fromkeys(names, 0)
    for one, name in zip(found, names, strict=True):
        if one.taken and names.count(name) > 1:
            seen[name] += 1
            pairs = {**one.entities, "run": str(seen[name])}
            # BIDS has run before echo and part.
            order = ("task", "acq", "dir", "run", "echo", "part")
            ordered = {k: pairs[k] for k in order if k in pairs}
            one = replace(
                one, entities=ordered | {k: v for k, v in pairs.items() if k not in ordered}
            )
        out.append(one)
    return out
