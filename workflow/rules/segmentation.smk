rule segment:
    input:
        unpack(plan.segment_inputs),
    output:
        plan.outputs("segmentation"),
    log:
        f"{LOGS}_segment.log",
    benchmark:
        f"{LOGS}_segment.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        mem_mb=plan.memory("segmentation"),
        runtime=minutes(60),
    params:
        code=code_of("segment"),
        settings=plan.settings_of("segmentation"),
        also=lambda wildcards, input: options("--also", input.also),
        manual=lambda wildcards, input: options("--manual", input.get("manual", [])),
        lookup=lambda wildcards, input: options(
            "--manual-lookup", input.get("lookup", [])
        ),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    shell:
        LIMITS
        + "pennate segment --anat {input.anat:q} {params.also} {params.manual} {params.lookup} "
        "--out {params.folder:q} --prefix {wildcards.prefix} "
        "--settings {params.settings:q} > {log:q} 2>&1"
