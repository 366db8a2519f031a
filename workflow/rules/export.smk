rule export:
    input:
        plan.outputs("map"),
    output:
        report(plan.outputs("export"), caption="../report/export.rst", category="3-D"),
    log:
        f"{LOGS}_export.log",
    benchmark:
        f"{LOGS}_export.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=plan.memory("export"),
        runtime=minutes(30),
    params:
        code=code_of("export"),
        settings=plan.settings_of("export"),
        maps=lambda wildcards, input: str(Path(input[0]).parent),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    shell:
        LIMITS + "pennate export --map-dir {params.maps:q} "
        "--out {params.folder:q} --prefix {wildcards.prefix} "
        "--settings {params.settings:q} > {log:q} 2>&1"
