"""A BIDS folder in: subjects, sessions and their inputs by name.

Every image and recording of the folder is either taken or named in a finding. What the files hold
is checked by ``pennate check``.
"""

from imaging.dataset.find import find_sessions
from imaging.dataset.names import beside, entities, shown, sibling, stem, suffix_of
from imaging.dataset.recording_names import inputs_beside
from imaging.dataset.session import Finding, Session

__all__ = [
    "Finding",
    "Session",
    "beside",
    "entities",
    "find_sessions",
    "inputs_beside",
    "shown",
    "sibling",
    "stem",
    "suffix_of",
]
