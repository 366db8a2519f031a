"""The command line: one module per verb, imported only when its verb is called."""

import os

# Matrices here are small. Threads of the linear algebra library would fight with those that verbs
# start themselves, and last bits would depend on how many there are.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
