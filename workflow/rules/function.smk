rule function:
    input:
        recordings=plan.recordings,
        beside=plan.beside("recordings"),
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
        runtime=minutes(30),
    params:
        code=code_of("function"),
        settings=plan.settings_of("function"),
        recordings=lambda wildcards, input: options("--recording", input.recordings),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    shell:
        LIMITS + "pennate function {params.recordings} "
        "--out {params.folder:q} --prefix {wildcards.prefix} "
        "--settings {params.settings:q} > {log:q} 2>&1"
