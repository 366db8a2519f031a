"""`pennate report` against a table of norms of one's own."""

from synthetic_map import write_map

from imaging.cli.app import main


def test_the_page_holds_a_person_against_norms_of_their_sex_and_age(tmp_path, capsys):
    maps, norms, people = tmp_path / "map", tmp_path / "norms.tsv", tmp_path / "participants.tsv"
    write_map(maps, fascicles=False, activation=False, stiffness=False, aponeuroses=False)
    head = "muscle\tmeasure\tunit\tn\tmean\tsd\tsex\tage_low\tage_high\tsource\n"
    norms.write_text(f"{head}TA\tvolume\tml\t20\t120\t12\tmale\t18\t40\tSomeone 2020\n")
    people.write_text("participant_id\tage\tsex\nsub-01\t30\tM\n")
    page = tmp_path / "page.html"
    command = ["report", "--map-dir", str(maps), "--out", str(page), "--norms", str(norms)]
    assert main([*command, "--participants", str(people)]) == 0
    assert "smaller than in Someone 2020" in page.read_text()
    assert "warning" not in capsys.readouterr().err
    assert main(command) == 0
    assert "Norms by sex and age are left out: not known of sub-01" in capsys.readouterr().err
    assert "Someone 2020" not in page.read_text()


def test_participants_alone_choose_nothing(tmp_path, capsys):
    write_map(tmp_path / "map")
    command = ["report", "--map-dir", str(tmp_path / "map"), "--out", str(tmp_path / "p.html")]
    assert main([*command, "--participants", "participants.tsv"]) == 2
    assert "--participants needs --norms" in capsys.readouterr().err
