rule model:
    input:
        map=plan.outputs("map"),
        model=plan.model,
    output:
        plan.outputs("model"),
    log:
        f"{LOGS}_model.log",
    benchmark:
        f"{LOGS}_model.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=plan.memory("model"),
        runtime=minutes(30),
    params:
        code=code_of("model"),
        settings=plan.model_settings,
        maps=lambda wildcards, input: str(Path(input.map[0]).parent),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    shell:
        LIMITS + "pennate model --map-dir {params.maps:q} --model {input.model:q} "
        "--out {params.folder:q} --prefix {wildcards.prefix} "
        "--settings {params.settings:q} > {log:q} 2>&1"
