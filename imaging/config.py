"""Settings of the workflow: one model per stage, checked before anything runs.

``config/default.yaml`` holds the same values; ``workflow/schemas/config.schema.json`` is written
from here. A verb takes the settings of its stage as JSON text or a YAML file (``--settings``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from imaging.config_errors import wording
from imaging.errors import ConfigError

# YAML reads the word off as false.
_YAML_OFF = BeforeValidator(lambda value: "off" if value is False else value)


class Section(BaseModel):
    """A group of settings; an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SegmentationSettings(Section):
    """Labels by the network, by registration of label atlases, by both, or by a model of others."""

    method: Literal["auto", "network", "atlas", "both"] = Field(
        "auto",
        description="Where labels come from, unless a model is given; auto: the network; an "
        "atlas of your own is joined on request only (both): it made labels worse",
    )
    network: str | None = Field(None, description="Folder of a network; none: the built-in one")
    atlas: str | None = Field(None, description="Folder of label maps; none: the built-in atlas")
    atlas_legs: int = Field(3, ge=1, description="Legs of the atlas that are fused")
    model: str | None = Field(
        None,
        description="Model that you have, KIND or KIND:PATH (onnx, monai, nnunet, musclemap, "
        "totalsegmentator, dafne); instead of network and atlas",
    )
    trust_model: bool = Field(
        False,
        description="The model's files come from someone you trust: those of monai, nnunet, "
        "musclemap and dafne can run code",
    )
    model_version: str | None = Field(None, description="Its version, where its files don't say")
    model_scheme: str | None = Field(None, description="Its label scheme, where its names don't")
    votes: bool = Field(
        True,
        description="Label the other anatomical images of a session, too, and join what the "
        "network says of all",
    )
    side: Literal["auto", "left", "right"] = Field("auto", description="Side when known")
    work_spacing_mm: float = Field(2.0, gt=0, description="Grid of the registration")


class DiffusionSettings(Section):
    """Preprocessing of diffusion-weighted images and tensor fit."""

    denoise: bool = Field(True, description="MP-PCA denoising")
    gibbs: bool = Field(
        False, description="Gibbs ringing by sub-voxel shifts; minutes, and only for whole k-space"
    )
    outliers: bool = Field(True, description="Give slices that lost signal less weight")
    motion: bool = Field(True, description="Motion correction with b-vector rotation")
    eddy: bool = Field(
        True, description="With motion: stretch along the phase-encoding axis by eddy currents"
    )
    robust: bool = Field(True, description="Leave single outlying samples out of the tensor fit")
    ivim: Annotated[Literal["auto", "off"], _YAML_OFF] = Field(
        "auto", description="Take perfusion out of the tensor where there are low b-values"
    )
    distortion: Annotated[Literal["auto", "fmap", "anatomy", "off"], _YAML_OFF] = Field(
        "auto",
        description="Along the phase-encoding axis: from a reversed scan in fmap, else against "
        "the anatomical image",
    )
    gradient_check: bool = Field(True, description="Check flips and permutations of b-vectors")
    register_to_anatomy: bool = Field(True, description="Rigid registration of b0 to anatomy")


class FibreSettings(Section):
    """Direction field, tracking and measures of fascicles."""

    smoothing_mm: float | None = Field(
        None, gt=0, description="Gaussian sigma inside the muscle, mm; none: chosen from the data"
    )
    step_mm: float = Field(0.5, gt=0, description="Tracking step, mm")
    seed_spacing_mm: float = Field(
        4.0, gt=0, description="Distance between seeds, mm; less in small muscles"
    )
    max_angle_deg_per_mm: float = Field(10.0, gt=0, description="Sharpest turn followed")
    min_length_mm: float = Field(8.0, ge=0, description="Shortest fascicle kept, mm")
    max_length_mm: float = Field(250.0, gt=0, description="Longest fascicle kept, mm")
    model: bool = Field(
        True, description="Model fascicles from anatomy where diffusion data say too little"
    )
    bootstrap: int = Field(
        40, ge=0, description="Noise replicas behind confidence intervals; 0 or 1: no intervals"
    )
    mask_error_mm: float = Field(
        0.2,
        ge=0,
        description="How far a whole mask may lie inside or outside of the muscle, SD, mm; it "
        "widens confidence intervals",
    )
    sarcomere_length_um: float | None = Field(
        None,
        gt=0,
        description="Sarcomere length in the scan, um, if known from elsewhere: functional PCSA",
    )
    seed: int = Field(1, description="Seed of everything random")


class ElastographySettings(Section):
    """Inversion of wave images."""

    inversions: tuple[Literal["mdev", "curl", "kmdev", "vfm", "ti"], ...] = Field(
        ("mdev", "curl", "kmdev", "vfm", "ti"),
        min_length=1,
        description="Methods to run; ti only where fibre directions are known",
    )
    cutoff_per_m: float | None = Field(
        None, gt=0,
        description="Low-pass of mdev, curl and kmdev, cycles per metre; none: from the spectrum",
    )  # fmt: skip
    register_to_anatomy: bool = Field(
        True, description="Put wave images where the anatomical image shows the leg"
    )
    distortion: Annotated[Literal["auto", "fmap", "anatomy", "off"], _YAML_OFF] = Field(
        "auto",
        description="Of echo-planar wave images: from a reversed scan in fmap, else against the "
        "anatomical image",
    )
    motion: bool = Field(True, description="Motion between wave images, from their magnitudes")
    erode_mm: float = Field(3.0, ge=0, description="Margin kept from muscle borders, mm")


class UltrasoundSettings(Section):
    """Shear-wave frames of ultrasound."""

    cell_mm: float = Field(0.5, gt=0, description="Edge of a sample, mm")
    slab_mm: float = Field(
        3.0, gt=0, description="Thickness of the beam, where the JSON has no SlabThickness, mm"
    )
    erode_mm: float = Field(2.0, ge=0, description="Margin kept from muscle borders, mm")
    max_landmark_error_mm: float = Field(
        5.0, gt=0, description="Frames whose landmarks fit worse (root mean square) are refused"
    )
    along_ratio: float | None = Field(
        None, gt=1, description="Shear modulus along over across the fibre, if known: correction"
    )
    tensile_ratio: float | None = Field(
        None, gt=3, description="Modulus E along the fibre over shear modulus across it, if known"
    )
    ratio_source: str = Field("not given", description="Where the two ratios come from")
    direction_error_deg: float = Field(
        5.0, ge=0, description="Uncertainty of a fibre's direction where no dispersion is given"
    )
    small_angle_deg: float = Field(
        5.0, gt=0, description="Correction: tilt or inclination must be below this"
    )
    max_angle_deg: float = Field(
        25.0, gt=0, lt=45, description="Correction: the other angle must be below this"
    )
    max_factor_error: float = Field(
        0.15, gt=0, description="Correction: how unsure the factor may be by the fibre's angle"
    )


class FunctionSettings(Section):
    """EMG, force plates and gait events."""

    band_hz: tuple[float, float] = Field((20.0, 450.0), description="EMG band-pass")
    envelope_hz: float = Field(6.0, gt=0, description="Low-pass of the envelope")
    onset_sd: float = Field(3.0, gt=0, description="Onset threshold in SD of the quiet baseline")
    onset_min_ms: float = Field(30.0, gt=0, description="Shortest burst")
    force_threshold_n: float = Field(20.0, gt=0, description="Foot-strike threshold")
    side: Literal["left", "right", "undecided"] = Field(
        "undecided", description="Side of channels that name none, of recordings of one leg"
    )
    tasks: dict[str, Literal["walking", "running", "landing", "hold", "mvc", "other"]] = Field(
        default_factory=dict,
        description="What a task is, where its name does not tell, e.g. job: walking",
    )
    trial: str = Field(
        "",
        description="Recording that is painted on the map and gives the measures, such as "
        "task-walk_run-2; none: of walking, else of another cyclic task, the plainest name",
    )
    synergy_criterion: Literal["straight_line", "vaf", "vaf_muscle"] = Field(
        "straight_line",
        description="Number of synergies: from where R2 over their number is a straight line; or "
        "the fewest that account for more than .9 of all muscles together, or of each",
    )
    seed: int = Field(1, ge=0, description="Seed of everything random")
    factors: list[str] = Field(
        default_factory=list,
        description="Columns of *_scans.tsv that are conditions to compare; none: those with a "
        "usual name (fatigue, speed, terrain, condition, phase ...)",
    )
    conditions: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="Conditions of recordings by name or pattern, before those of *_scans.tsv, "
        "e.g. '*run-2*': {fatigue: after}",
    )
    channels: dict[str, str] = Field(
        default_factory=dict, description="Channel label to muscle and side, e.g. 'EMG 1': right TA"
    )


class MapSettings(Section):
    """Joining of stages."""

    spacing_mm: float | None = Field(
        None, gt=0, description="Grid of the map; none: that of the labels"
    )
    erode_mm: float = Field(
        3.0, ge=0, description="Margin kept from muscle borders when maps are read, mm"
    )
    specific_tension_n_cm2: float = Field(
        60.0,
        ge=10,
        le=150,
        description="Force per cross-section, N/cm2; 60 as in the Rajagopal model, published "
        "22.5 to 61; shares of force do not depend on it",
    )
    seed: int = Field(1, ge=0, description="Seed of the draws behind intervals of force")


class ExportSettings(Section):
    """Meshes, tracts and viewer."""

    viewer: bool = Field(True, description="Write viewer.html")
    viewer_fascicles: int = Field(3000, ge=0, description="Most fascicles shown in the viewer")


class ModelSettings(Section):
    """Personal OpenSim model (extra `opensim`)."""

    file: str | None = Field(
        None,
        description="Scaled OpenSim model of the person, with {prefix} (sub-01) in its path where "
        "each has one; none: only the table of parameters, by `pennate model`",
    )
    pose: dict[str, float] = Field(
        default_factory=dict,
        description="Joint angles of the scan by the model's own coordinates, deg, e.g. "
        "ankle_angle_r: -20; rotations that are not named are taken as 0",
    )
    sarcomere_length_um: float | None = Field(
        None,
        ge=1.3,
        le=4.5,
        description="Sarcomere length in the scan, um, if known from elsewhere; none: taken from "
        "the given model's fibre lengths in the scan's pose",
    )
    specific_tension_n_cm2: float = Field(
        60.0,
        ge=10,
        le=150,
        description="Force per cross-section, N/cm2; 60 as in the Rajagopal model, published "
        "22.5 to 61",
    )
    motion_cutoff_hz: float | None = Field(
        None, gt=0, description="Low-pass of the joint angles of a motion; none: already smooth"
    )
    frames: int = Field(100, ge=10, description="Moments of a motion that are solved")


class ReportSettings(Section):
    """Pages of persons and of the group."""

    controls: str | None = Field(
        None,
        description="Whose figures are the norms of the group: a column of participants.tsv and "
        "its value, such as group=control",
    )
    norms: str | None = Field(
        None,
        description="group_norms.tsv of this or another study, or a table of your own, for the "
        "page of each person",
    )
    repeatability: str | None = Field(
        None,
        description="Repeatability on your scanner, for comparisons of visits; without it that of "
        "the digital leg",
    )


class Settings(Section):
    """Everything the workflow can be told."""

    bids_dir: str = Field(..., description="BIDS folder to read")
    out_dir: str = Field(..., description="Folder to write")
    participants: list[str] = Field(default_factory=list, description="Labels; empty: all")
    sessions: list[str] = Field(default_factory=list, description="Labels; empty: all")
    leave_out: list[str] = Field(
        default_factory=list, description="Sessions not to run, as sub-01 or sub-01_ses-02"
    )
    select: dict[str, str] = Field(
        default_factory=dict,
        description="Glob per input, if ambiguous: anat, dwi, fmap, waves, wave_fmap, stiffness, "
        "frames, recording, manual_dseg",
    )
    open_inputs: bool = Field(True, description="Open every input before anything runs")
    segmentation: SegmentationSettings = SegmentationSettings()
    diffusion: DiffusionSettings = DiffusionSettings()
    fibres: FibreSettings = FibreSettings()
    elastography: ElastographySettings = ElastographySettings()
    ultrasound: UltrasoundSettings = UltrasoundSettings()
    function: FunctionSettings = FunctionSettings()
    map: MapSettings = MapSettings()
    export: ExportSettings = ExportSettings()
    model: ModelSettings = ModelSettings()
    report: ReportSettings = ReportSettings()


SectionT = TypeVar("SectionT", bound=Section)


def parse_settings(model: type[SectionT], content: dict[str, Any], source: str) -> SectionT:
    """Check settings against their model.

    Raises
    ------
    ConfigError
        One sentence that names the first setting that is wrong.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "settings"
        said, fix = wording(first, model)
        if model is not Settings and name in Settings.model_fields:
            said = "this is a section of the settings of the whole workflow"
            fix = f"Give only what stands below it, without '{name}:'"
        raise ConfigError(f"{name}: {said}", source, fix) from error


def load_settings(model: type[SectionT], text: str | None) -> SectionT:
    """Read settings given as JSON or YAML text, as a YAML file, or not at all (defaults).

    Raises
    ------
    ConfigError
        Not readable, not a table of settings, or wrong values.
    """
    if text is None:
        return parse_settings(model, {}, "settings")
    if _is_file(text):
        return parse_settings(model, settings_file(Path(text)), text)
    return parse_settings(model, _table(text, "settings"), "settings")


def settings_file(path: Path | None) -> dict[str, Any]:
    """Return what a YAML file of settings holds, unchecked; nothing without a file.

    Raises
    ------
    ConfigError
        Not readable, or not a table of settings.
    """
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read ({error})", path, _HOW) from error
    return _table(text, path)


_HOW = "Give a YAML file as config/default.yaml, or JSON text"


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False  # too long, or no name at all


def _table(text: str, source: str | Path) -> dict[str, Any]:
    """Read YAML or JSON text that must be a table; the one reader of settings."""
    try:
        content = yaml.safe_load(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot be read ({error})", source, _HOW) from error
    if content is None and source != "settings":
        return {}  # a file of comments only
    if not isinstance(content, dict):
        raise ConfigError("is not a table of settings", source, _HOW)
    return content


def schema() -> dict[str, Any]:
    """Return the JSON schema of the settings, as kept in ``workflow/schemas``."""
    return Settings.model_json_schema()


def default_yaml() -> str:
    """Return the text of ``config/default.yaml``: every setting, its default, what it means."""
    defaults = Settings(bids_dir="my_study", out_dir="my_maps")
    lines = [
        "# Every setting with its default; written by `make schema`. Copy the lines that differ",
        "# into a file of your own: pennate run BIDS OUT participant --config mine.yaml",
    ]
    for name, about in Settings.model_fields.items():
        value = getattr(defaults, name)
        if not isinstance(value, Section):
            lines.append(_yaml_line(name, value, about.description))
            continue
        lines += ["", f"# {(type(value).__doc__ or '').strip()}", f"{name}:"]
        for key, field in type(value).model_fields.items():
            lines.append("  " + _yaml_line(key, getattr(value, key), field.description))
    return "\n".join(lines) + "\n"


def _yaml_line(name: str, value: Any, description: str | None) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    text = yaml.safe_dump(plain, default_flow_style=True).replace("\n...", "").strip()
    return f"{name}: {text}  # {description}"
