"""What the workflow runs and writes: sessions, their inspection, the plan of files.

The Snakefile imports from here only.
"""

from imaging.pipeline.contexts import Contexts
from imaging.pipeline.digest import code_of
from imaging.pipeline.plan import Plan, fibre_options, minutes, options
from imaging.pipeline.start import start

__all__ = ["Contexts", "Plan", "code_of", "fibre_options", "minutes", "options", "start"]
