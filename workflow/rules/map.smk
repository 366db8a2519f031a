rule map:
    input:
        plan.map_inputs,
    output:
        plan.outputs("map"),
    log:
        f"{LOGS}_map.log",
    benchmark:
        f"{LOGS}_map.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=plan.memory("map"),
        runtime=minutes(30),
    params:
        code=code_of("map"),
        settings=plan.settings_of("map"),
        folders=plan.map_folders,
        missing=plan.missing,
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    shell:
        LIMITS + "pennate map {params.folders} --missing {params.missing:q} "
        "--out {params.folder:q} --prefix {wildcards.prefix} "
        "--settings {params.settings:q} > {log:q} 2>&1"
