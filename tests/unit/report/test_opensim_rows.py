import pandas as pd
import pytest

from imaging.errors import InputError
from imaging.export.opensim.parameters import Parameter
from imaging.export.opensim.tables import parameter_table
from imaging.measures import Notes, write_notes
from imaging.report.opensim_model import (
    SHOWN,
    force_rows,
    parameter_rows,
    read_model_part,
    reserve_rows,
)
from imaging.stage_files import write_tsv


def parameters():
    return parameter_table([
        Parameter(209, "soleus_r", "optimal_fibre_length", "mm", 50.0, 20.0, 19.0, 21.0, 4.0, 30,
                  in_model=True, note="why"),
        Parameter(209, "soleus_r", "max_isometric_force", "N", 5000.0, None, status="not_measured",
                  note="cut"),
        Parameter(209, "soleus_r", "rest_passive_share", "1", 0.0, 0.01, status="modelled"),
        Parameter(109, "soleus_l", "rest_passive_share", "1", 0.0, 0.01, status="modelled"),
    ])  # fmt: skip


def test_generic_against_personal_with_the_reason():
    ((name, cells),) = parameter_rows(parameters())
    shown = dict(zip(SHOWN, cells, strict=True))
    assert name == "right SOL"
    length = shown["optimal_fibre_length"]
    assert (length.generic, length.personal, length.is_odd) == ("50.0", "20.0 [19.0, 21.0]", True)
    force = shown["max_isometric_force"]
    assert (force.generic, force.personal) == ("5000", "–")
    assert force.note == "generic value in the model; not measured: cut"
    assert shown["pennation_at_optimal"].personal == "–"


def test_figures_of_a_motion():
    forces = pd.DataFrame({
        "model": ["generic", "generic", "personal", "personal"], "time_s": [0.0, 1.0] * 2,
        "muscle": "soleus_r", "activation": [0.0, 1.0, 0.2, 0.4],
        "active_force_n": [0.0, 900.0, 100.0, 300.0], "passive_force_n": [50.0, 0.0, 10.0, 10.0],
    })  # fmt: skip
    ((name, cells),) = force_rows(forces, {"soleus_r": 209, "absent_r": 208})
    assert name == "right SOL"
    assert [(c.generic, c.personal) for c in cells] == [
        ("0.50", "0.30"), ("1.00", "0.40"), ("900", "310"), ("50", "10"),
    ]  # fmt: skip
    moments = forces.assign(joint="ankle_angle_r", moment_nm=-90.0, reserve_nm=[0, -1, 2, 0])
    ((joint, peak, cell),) = reserve_rows(moments)
    assert (joint, peak, cell.generic, cell.personal) == ("ankle angle r", "90.0", "1.00", "2.00")


def test_tables_are_read_whole_or_refused(tmp_path):
    write_tsv(parameters(), tmp_path / "sub-01_model.tsv")
    write_notes(Notes("model", "Done."), tmp_path / "sub-01_desc-model_notes.json")
    part = read_model_part(tmp_path, "sub-01")
    assert [name for name, _ in part.parameters] == ["right SOL"] and not part.forces
    text = (tmp_path / "sub-01_model.tsv").read_text()
    (tmp_path / "sub-01_model.tsv").write_text(text[:-20])
    with pytest.raises(InputError, match="Run pennate model again"):
        read_model_part(tmp_path, "sub-01")
