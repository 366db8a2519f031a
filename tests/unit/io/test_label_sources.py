from imaging.config import SegmentationSettings
from imaging.io.label_sources import read_sources, unused_atlas


def test_an_atlas_is_joined_with_the_network_on_request_only(tmp_path):
    chosen = SegmentationSettings(atlas=str(tmp_path))
    sources, about, _ = read_sources(chosen, None, None)
    assert sources.network is not None and sources.atlas is None
    assert "atlas" not in about
    assert "was not used" in unused_atlas(chosen)[0]


def test_nothing_is_said_where_the_atlas_is_used_or_there_is_none(tmp_path):
    for method in ("both", "atlas"):
        assert unused_atlas(SegmentationSettings(atlas=str(tmp_path), method=method)) == []
    assert unused_atlas(SegmentationSettings()) == []
