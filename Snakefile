"""From a BIDS folder to 3-D muscle maps: every rule calls one verb of ``pennate``."""

import gc
import shlex
import sys
from pathlib import Path

from snakemake.utils import min_version

from imaging.errors import PennateError
from imaging.pipeline import (
    Contexts,
    code_of,
    fibre_options,
    minutes,
    options,
    start,
)

min_version("9.0")
# A plan is millions of objects that all live on: looking for cycles among them costs a sixth.
gc.set_threshold(200_000, 50, 100)

try:
    plan = start(config, first=workflow.is_main_process)
except PennateError as error:
    sys.exit(f"pennate: {error}")
plan.allowed = lambda: workflow.dag_settings.allowed_rules

contexts = Contexts(plan)
LOGS = str(plan.out / "logs" / "{unit}" / "{prefix}")
ENVIRONMENT = "../../envs/pennate.yaml"
# A job on a cluster runs a Snakemake of its own, within the threads that the first one asked for.
THREADS = plan.threads(
    workflow.resource_settings.cores if workflow.is_main_process else None
)
LIMITS = (
    "export OMP_NUM_THREADS={threads} ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS={threads}; "
)

# Without conda the rules use the interpreter that runs Snakemake.
if not workflow.deployment_settings.deployment_method:
    programs = shlex.quote(str(Path(sys.executable).parent))
    programs = programs.replace("{", "{{").replace("}", "}}")
    shell.prefix(f'export PATH={programs}:"$PATH"; ')


wildcard_constraints:
    unit=r"sub-[A-Za-z0-9]+(/ses-[A-Za-z0-9]+)?",
    prefix=r"sub-[A-Za-z0-9]+(_ses-[A-Za-z0-9]+)?",
    person=r"sub-[A-Za-z0-9]+",
    kind="mre|us",
    context=r"[A-Za-z0-9]+",


localrules:
    all,
    participant,
    group,


rule all:
    default_target: True
    input:
        plan.participant_targets(),
        plan.group_targets(),
        plan.comparisons(),


rule participant:
    input:
        plan.participant_targets(),


rule group:
    input:
        plan.group_targets(),
        plan.comparisons(),


include: "workflow/rules/segmentation.smk"
include: "workflow/rules/diffusion.smk"
include: "workflow/rules/fibres.smk"
include: "workflow/rules/composition.smk"
include: "workflow/rules/elastography.smk"
include: "workflow/rules/contexts.smk"
include: "workflow/rules/function.smk"
include: "workflow/rules/map.smk"
include: "workflow/rules/export.smk"
include: "workflow/rules/model.smk"
include: "workflow/rules/report.smk"
