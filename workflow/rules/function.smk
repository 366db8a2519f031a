rule function:
    input:
        recording=plan.recording,
        beside=plan.beside("recording"),
    output:
        plan.outputs("function"),
    log:
        f"{LOGS}_function.log",
    benchmark:
        f"{LOGS}_function.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=plan.memory("function"),
        runtime=30,
    params:
        code=code("function"),
        settings=plan.settings_of("function"),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    shell:
        LIMITS + "pennate function --recording {input.recording:q} "
        "--out {params.folder:q} --prefix {wildcards.prefix} "
        "--settings {params.settings:q} > {log:q} 2>&1"
