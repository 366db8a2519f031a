CONTEXT_LOGS = f"{LOGS}_{{kind}}-{{context}}"


# One folder each: the mapped context alone takes part in the map.
rule waves_in_context:
    input:
        waves=contexts.given,
        beside=contexts.beside,
        fmap=plan.wave_fmap,
        anat=plan.file("segmentation", "_anat.nii.gz"),
        labels=plan.file("segmentation", "_dseg.nii.gz"),
        directions=plan.directions,
    output:
        directory(contexts.folder_of_one()),
    log:
        f"{CONTEXT_LOGS}.log",
    benchmark:
        f"{CONTEXT_LOGS}.tsv"
    wildcard_constraints:
        kind="mre",
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        mem_mb=plan.memory("elastography"),
        runtime=minutes(30),
    params:
        code=code_of("elastography"),
        settings=plan.settings_of("elastography"),
        images=lambda wildcards, input: options("--waves", input.waves),
        directions=lambda wildcards, input: fibre_options(input.directions),
        fmap=lambda wildcards, input: options("--fmap", input.fmap),
    shell:
        LIMITS + "pennate elastography {params.images} --labels {input.labels:q} "
        "--anatomy {input.anat:q} {params.fmap} {params.directions} --out {output[0]:q} "
        "--prefix {wildcards.prefix} --settings {params.settings:q} > {log:q} 2>&1"


rule frames_in_context:
    input:
        frames=contexts.given,
        beside=contexts.beside,
        labels=plan.file("segmentation", "_dseg.nii.gz"),
        directions=plan.directions,
    output:
        directory(contexts.folder_of_one()),
    log:
        f"{CONTEXT_LOGS}.log",
    benchmark:
        f"{CONTEXT_LOGS}.tsv"
    wildcard_constraints:
        kind="us",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=plan.memory("ultrasound"),
        runtime=minutes(30),
    params:
        code=code_of("ultrasound"),
        settings=plan.settings_of("ultrasound"),
        images=lambda wildcards, input: options("--frames", input.frames),
        directions=lambda wildcards, input: fibre_options(input.directions),
    shell:
        LIMITS + "pennate ultrasound {params.images} --labels {input.labels:q} "
        "{params.directions} --out {output[0]:q} --prefix {wildcards.prefix} "
        "--settings {params.settings:q} > {log:q} 2>&1"


rule contexts:
    input:
        unpack(contexts.compared),
    output:
        contexts.outputs(),
    log:
        f"{LOGS}_{{kind}}-contexts.log",
    benchmark:
        f"{LOGS}_{{kind}}-contexts.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=plan.memory("report"),
        runtime=minutes(10),
    params:
        code=code_of("contexts"),
        named=lambda wildcards, input: contexts.options(
            wildcards, input.mapped, input.others
        ),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    shell:
        LIMITS + "pennate contexts {params.named} --out {params.folder:q} "
        "--prefix {wildcards.prefix} > {log:q} 2>&1"
