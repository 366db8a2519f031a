"""``pennate convert``: series of every maker find their place; names and dates stay behind."""

import gzip
import json
import shutil
from importlib import resources

import nibabel as nib
import numpy as np
import pytest
import yaml

from imaging.cli.app import main

pytest.importorskip("dcm2niix")
from scanner_series import (
    SECRETS,
    SHAPE,
    affine,
    directions,
    voxels,
    write_classic,
    write_enhanced,
    write_frames,
    write_screen,
)

P = "sub-01"
B = (0.0, 400.0, 400.0, 800.0)
TOWARDS = np.vstack([[0, 0, 0], directions(3)])


def philips_diffusion(d, volume, echo, k):
    if B[volume]:
        d.DiffusionGradientOrientation = TOWARDS[volume].tolist()
    block = d.private_block(0x2001, "Philips Imaging DD 001", create=True)
    block.add_new(0x03, "FL", B[volume])


def ge_diffusion(d, volume, echo, k):
    del d.DiffusionBValue
    block = d.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x39, "IS", [int(B[volume]) + 1_000_000_000, 8, 0, 0])
    move = d.private_block(0x0019, "GEMS_ACQU_01", create=True)
    for place, value in zip((0xBB, 0xBC, 0xBD), TOWARDS[volume], strict=True):
        move.add_new(place, "DS", f"{value:.6f}")


def wave_comments(d, volume, echo, k):
    direction, step = divmod(volume, 4)
    d.ImageComments = f"MEG {direction + 1} timestep {step}"
    d.RescaleSlope, d.RescaleIntercept = 2, -4096


ENHANCED = [(b, TOWARDS[n] if b else None) for n, b in enumerate(B)]
SHORT = ("W", "F", "IP", "OP")
DIXON = ("WATER", "FAT", "IN_PHASE", "OPP_PHASE")
FOLDERS = {
    "siemens spin echo": (
        lambda f: write_classic(f, 2, "t1_tse_tra"), {"anat/sub-01_T1w"}),
    "siemens dixon in one series": (
        lambda f: write_classic(
            f, 3, "t1_vibe", types=[("DERIVED", "PRIMARY", "DIXON", d) for d in DIXON],
            scanning="GR", tr=4, flip=9, echoes=(2.4,)),
        {f"anat/sub-01_acq-{p}_T1w" for p in ("water", "fat", "inphase", "outphase")}),
    "siemens dixon in four series": (
        lambda f: [write_classic(f, n, f"t1_vibe_dixon_tra_{end}", scanning="GR", tr=4, flip=9,
                                 echoes=(2.4,))
                   for n, end in enumerate(("W", "F", "in", "opp"), start=4)],
        {f"anat/sub-01_acq-{p}_T1w" for p in ("water", "fat", "inphase", "outphase")}),
    "philips dixon in one series": (
        lambda f: write_classic(
            f, 8, "mDIXON_all", maker="Philips Medical Systems",
            types=[("DERIVED", "PRIMARY", d, d, "DERIVED") for d in ("W", "F", "IP", "OP")],
            scanning="GR", tr=6, flip=10, echoes=(1.4,)),
        {f"anat/sub-01_acq-{p}_T1w" for p in ("water", "fat", "inphase", "outphase")}),
    "ge ideal": (
        lambda f: [write_classic(f, 9 + n, f"{d}: AX IDEAL", maker="GE MEDICAL SYSTEMS",
                                 types=[("DERIVED", "PRIMARY", "DIXON", d)], scanning="GR", tr=7,
                                 flip=5, echoes=(1.2,)) for n, d in enumerate(("WATER", "FAT"))],
        {"anat/sub-01_acq-water_T1w", "anat/sub-01_acq-fat_T1w"}),
    "ge gradient echoes": (
        lambda f: write_classic(f, 12, "Ax MERGE", maker="GE MEDICAL SYSTEMS", scanning="GR",
                                types=[("ORIGINAL", "PRIMARY", "OTHER")], echoes=(3.0, 6.0, 9.0),
                                tr=40, flip=15),
        {f"anat/sub-01_echo-{n}_MEGRE" for n in (1, 2, 3)}),
    "siemens spin echoes": (
        lambda f: write_classic(f, 13, "se_mc_T2map", echoes=(10.0, 20.0, 30.0), tr=3000),
        {f"anat/sub-01_echo-{n}_MESE" for n in (1, 2, 3)}),
    "siemens diffusion and its maps": (
        lambda f: [
            write_classic(f, 14, "ep2d_diff", scanning="EP", tr=5000, echoes=(56.0,), b_values=B,
                          change=lambda d, v, e, k: B[v] and setattr(
                              d, "DiffusionGradientOrientation", TOWARDS[v].tolist())),
            write_classic(f, 15, "ep2d_diff_ADC", scanning="EP",
                          types=[("DERIVED", "PRIMARY", "DIFFUSION", "ADC", "NORM")]),
            write_classic(f, 16, "ep2d_diff_TRACEW", scanning="EP", b_values=(400.0,),
                          types=[("DERIVED", "PRIMARY", "DIFFUSION", "TRACEW", "NORM")]),
            write_classic(f, 17, "ep2d_diff_reversed_PA", scanning="EP", tr=5000, echoes=(56.0,),
                          b_values=(0.0,))],
        {"dwi/sub-01_dwi", "fmap/sub-01_epi"}),
    "philips diffusion": (
        lambda f: write_classic(f, 18, "DTI_leg", maker="Philips Medical Systems", scanning="SE",
                                b_values=B, change=philips_diffusion, echoes=(50.0,)),
        {"dwi/sub-01_dwi"}),
    "ge diffusion": (
        lambda f: write_classic(f, 19, "Ax DTI", maker="GE MEDICAL SYSTEMS", scanning="EP",
                                b_values=B, change=ge_diffusion, echoes=(60.0,)),
        {"dwi/sub-01_dwi"}),
    "enhanced": (
        lambda f: write_enhanced(f, 20, "t2_tse", 80.0, 4000.0), {"anat/sub-01_T2w"}),
    "siemens enhanced dixon": (
        lambda f: write_enhanced(f, 24, "t1_vibe_dixon", 2.4, 4.0, scanning="GRADIENT",
                                 types=[("DERIVED", "PRIMARY", "DIXON", d) for d in DIXON]),
        {f"anat/sub-01_acq-{p}_T1w" for p in ("water", "fat", "inphase", "outphase")}),
    "philips enhanced dixon": (
        lambda f: write_enhanced(f, 25, "mDIXON_all", 1.4, 6.0, scanning="GRADIENT",
                                 maker="Philips Medical Systems",
                                 types=[("DERIVED", "PRIMARY", d, d) for d in SHORT]),
        {f"anat/sub-01_acq-{p}_T1w" for p in ("water", "fat", "inphase", "outphase")}),
    "enhanced gradient echoes": (
        lambda f: write_enhanced(f, 26, "gre_multiecho", (3.0, 6.0, 9.0), 40.0,
                                 scanning="GRADIENT"),
        {f"anat/sub-01_echo-{n}_MEGRE" for n in (1, 2, 3)}),
    "enhanced spin echoes": (
        lambda f: write_enhanced(f, 27, "t2_map", (10.0, 20.0, 30.0), 3000.0),
        {f"anat/sub-01_echo-{n}_MESE" for n in (1, 2, 3)}),
    "philips enhanced diffusion": (
        lambda f: write_enhanced(f, 28, "DTI_leg", 50.0, 5000.0, maker="Philips Medical Systems",
                                 weighting=ENHANCED),
        {"dwi/sub-01_dwi"}),
    "waves": (
        lambda f: [write_classic(f, 21 + n, "gre_mre_60Hz", scanning="GR", tr=50, echoes=(20.0,),
                                 types=[("ORIGINAL", "PRIMARY", kind, "NORM")],
                                 b_values=(None,) * 12, change=wave_comments)
                   for n, kind in enumerate("PM")],
        {"mre/sub-01_part-phase_mre", "mre/sub-01_part-mag_mre"}),
    "ultrasound": (lambda f: write_frames(f, 23), {"us/sub-01_swe"}),
    "nothing for a map": (
        lambda f: [write_classic(f, 1, "localizer"), write_screen(f, 99),
                   write_classic(f, 98, "AAHead_Scout"), write_classic(f, 97, "ASSET calibration")],
        set()),
}  # fmt: skip


def run(source, out, *more):
    return main(["convert", str(source), str(out), "--subject", "01", *map(str, more)])


def files(out):
    found = [p.relative_to(out / P) for p in (out / P).rglob("*") if p.is_file()]
    images = [str(p) for p in found if p.name.endswith((".nii.gz", ".dcm"))]
    return {name.removesuffix(".nii.gz").removesuffix(".dcm") for name in images}


@pytest.mark.parametrize("name", FOLDERS)
def test_every_maker_is_sorted_and_nothing_private_goes_along(name, tmp_path, capsys):
    write, expected = FOLDERS[name]
    write(tmp_path / "in")
    code = run(tmp_path / "in", tmp_path / "out")
    assert code == (0 if expected else 2), capsys.readouterr().err
    if not expected:
        assert not (tmp_path / "out").exists() or not files(tmp_path / "out")
        return
    assert files(tmp_path / "out") == expected
    for path in (p for p in (tmp_path / "out").rglob("*") if p.is_file()):
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        for secret in SECRETS:
            assert secret not in content or (path.suffix == ".gz" and secret == b"1011"), (
                path,
                secret,
            )


def test_voxels_lie_where_they_were_in_the_patient(tmp_path):
    write_classic(tmp_path / "in", 2, "t1_tse_tra")
    assert run(tmp_path / "in", tmp_path / "out") == 0
    image = nib.load(tmp_path / "out" / P / "anat" / f"{P}_T1w.nii.gz")
    stored = voxels(2)
    at = np.linalg.inv(image.affine) @ affine()
    for index in np.ndindex(*SHAPE):
        place = at @ [*index, 1]
        assert np.abs(place - place.round()).max() < 1e-3
        assert image.get_fdata()[tuple(place[:3].round().astype(int))] == stored[index]


def test_each_image_of_an_enhanced_file_holds_its_own_frames(tmp_path):
    dixon = [f"acq-{p}_T1w" for p in ("water", "fat", "inphase", "outphase")]
    for name, parts, number in (
        ("siemens enhanced dixon", dixon, 24),
        ("enhanced gradient echoes", [f"echo-{n}_MEGRE" for n in (1, 2, 3)], 26),
    ):  # fmt: skip
        FOLDERS[name][0](tmp_path / name)
        assert run(tmp_path / name, tmp_path / f"{name} out") == 0
        for volume, part in enumerate(parts):
            image = nib.load(tmp_path / f"{name} out" / P / "anat" / f"{P}_{part}.nii.gz")
            at = np.linalg.inv(image.affine) @ affine()
            stored = voxels(number, volume)
            for index in ((0, 0, 0), (3, 2, 1), (9, 7, 3)):
                place = (at @ [*index, 1])[:3].round().astype(int)
                assert image.get_fdata()[tuple(place)] == stored[index], (name, part)


def test_diffusion_without_directions_is_not_passed_on(tmp_path, capsys):
    """Of an enhanced file in the manner of Siemens dcm2niix makes no gradient table."""
    write_enhanced(tmp_path / "in", 29, "ep2d_diff", 56.0, 5000.0, weighting=ENHANCED)
    assert run(tmp_path / "in", tmp_path / "out") == 0
    assert "no b-values and directions" in capsys.readouterr().err
    assert files(tmp_path / "out") == set()


def test_gradient_directions_of_every_maker_are_those_of_the_patient(tmp_path):
    for name in ("siemens diffusion and its maps", "philips diffusion", "ge diffusion",
                 "philips enhanced diffusion"):  # fmt: skip
        out = tmp_path / name
        FOLDERS[name][0](out / "in")
        assert run(out / "in", out / "out") == 0
        series = out / "out" / P / "dwi" / f"{P}_dwi"
        assert np.loadtxt(f"{series}.bval").tolist() == list(B)
        image = nib.load(f"{series}.nii.gz")
        found = np.loadtxt(f"{series}.bvec")[:, 1:].T
        turn = image.affine[:3, :3] / np.linalg.norm(image.affine[:3, :3], axis=0)
        signs = [-1 if np.linalg.det(turn) > 0 else 1, 1, 1]  # FSL's x runs against a right frame
        world = (found * signs) @ turn.T
        if name.startswith("ge"):
            continue  # GE counts in the axes of the image and of its phase encoding
        expected = TOWARDS[1:] * [-1, -1, 1]
        assert np.abs((world * expected).sum(axis=1)) == pytest.approx(1, abs=2e-3), name


def test_real_mosaic_of_siemens(tmp_path):
    data = resources.files("nibabel") / "nicom" / "tests" / "data"
    for number in (0, 1000):
        packed = data / f"siemens_dwi_{number}.dcm.gz"
        if not packed.is_file():
            pytest.skip("nibabel came without its sample of a mosaic")
        (tmp_path / "in").mkdir(exist_ok=True)
        content = gzip.decompress(packed.read_bytes())
        (tmp_path / "in" / f"{number}.dcm").write_bytes(content)
    assert run(tmp_path / "in", tmp_path / "out") == 0
    series = tmp_path / "out" / P / "dwi" / f"{P}_dwi"
    assert np.loadtxt(f"{series}.bval").tolist() == [0, 1000]
    assert nib.load(f"{series}.nii.gz").shape == (128, 128, 48, 2)


def test_waves_with_a_declaration_are_put_in_their_order(tmp_path):
    FOLDERS["waves"][0](tmp_path / "in")
    declared = {
        "MechanicalFrequency": 60, "Density": 1000, "EncodingDirectionsFrame": "image",
        "EncodingDirections": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "OffsetsPerPeriod": 4,
        "Drivers": 1,
    }  # fmt: skip
    rules = tmp_path / "site.yaml"
    rules.write_text(yaml.safe_dump([{"match": "gre_mre*", "declare": declared}]))
    assert run(tmp_path / "in", tmp_path / "out", "--rules", rules) == 0
    start = tmp_path / "out" / P / "mre" / f"{P}_part-phase_mre"
    image = nib.load(f"{start}.nii.gz")
    assert image.shape == (*SHAPE, 3, 4)
    assert json.loads(start.with_suffix(".json").read_text())["PhaseUnits"] == "rad"
    at = (np.linalg.inv(image.affine) @ affine() @ [3, 2, 1, 1]).round().astype(int)
    expected = (voxels(21, 50)[3, 2, 1] * 2 - 4096) * np.pi / 4096
    assert image.get_fdata()[tuple(at[:3])][1, 1] == pytest.approx(expected, abs=1e-5)


def test_a_dry_run_writes_nothing_and_shows_all(tmp_path, capsys):
    FOLDERS["siemens spin echo"][0](tmp_path / "in")
    write_classic(tmp_path / "in", 1, "localizer")
    assert run(tmp_path / "in", tmp_path / "out", "--dry-run") == 0
    told = capsys.readouterr().out
    assert "anat/sub-01_T1w" in told and "a localizer" in told
    assert not (tmp_path / "out").exists()


def test_rules_of_a_site_come_first(tmp_path):
    FOLDERS["siemens spin echo"][0](tmp_path / "in")
    rules = tmp_path / "site.yaml"
    rules.write_text("- {match: 't1_tse*', as: anat/acq-calf_PDw}\n")
    assert run(tmp_path / "in", tmp_path / "out", "--rules", rules) == 0
    assert files(tmp_path / "out") == {"anat/sub-01_acq-calf_PDw"}


@pytest.mark.parametrize("text", ["a: b", "- {as: anat/T1w}", "- {match: x, as: brain/T1w}",
                                  "- {match: x}", "- {match: x, as: anat/T1w, leave_out: true}",
                                  "- [", "- {match: x, as: ../T1w}"])  # fmt: skip
def test_rules_that_are_none_are_refused(text, tmp_path, capsys):
    FOLDERS["siemens spin echo"][0](tmp_path / "in")
    rules = tmp_path / "site.yaml"
    rules.write_text(text)
    assert run(tmp_path / "in", tmp_path / "out", "--rules", rules) == 2
    assert "site.yaml" in capsys.readouterr().err


def test_two_persons_or_two_examinations_are_refused(tmp_path, capsys):
    write_classic(tmp_path / "a", 2, "t1")
    write_classic(tmp_path / "a", 3, "t1", PatientID="another")
    assert run(tmp_path / "a", tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert "2 persons" in told and "another" not in told
    write_classic(tmp_path / "b", 2, "t1")
    write_classic(tmp_path / "b", 3, "t1", study="later")
    assert run(tmp_path / "b", tmp_path / "out") == 2
    assert "2 examinations" in capsys.readouterr().err


def test_nothing_is_overwritten(tmp_path, capsys):
    FOLDERS["siemens spin echo"][0](tmp_path / "in")
    assert run(tmp_path / "in", tmp_path / "out") == 0
    before = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert run(tmp_path / "in", tmp_path / "out") == 2
    assert "already" in capsys.readouterr().err
    assert before == {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert run(tmp_path / "in", tmp_path / "out", "--session", "02") == 0
    shutil.rmtree(tmp_path / "out")
    assert run(tmp_path / "in", tmp_path / "out") == 0
    again = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert before == again


def test_a_folder_without_dicom(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "readme.txt").write_text("nothing")
    assert run(tmp_path / "in", tmp_path / "out") == 2
    assert "no DICOM" in capsys.readouterr().err


def test_a_reversed_scan_says_what_it_is_for(tmp_path):
    FOLDERS["siemens diffusion and its maps"][0](tmp_path / "in")
    assert run(tmp_path / "in", tmp_path / "out", "--session", "02") == 0
    about = tmp_path / "out" / P / "ses-02" / "fmap" / f"{P}_ses-02_epi.json"
    intended = json.loads(about.read_text())["IntendedFor"]
    assert intended == ["bids::sub-01/ses-02/dwi/sub-01_ses-02_dwi.nii.gz"]
    assert (tmp_path / "out" / intended[0].removeprefix("bids::")).is_file()
