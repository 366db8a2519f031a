rule composition:
    input:
        images=plan.composition,
        beside=lambda wildcards: [
            *plan.beside("dixon")(wildcards),
            *plan.beside("spin_echoes")(wildcards),
        ],
        labels=plan.file("segmentation", "_dseg.nii.gz"),
    output:
        plan.outputs("composition"),
    log:
        f"{LOGS}_composition.log",
    benchmark:
        f"{LOGS}_composition.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=plan.memory("composition"),
        runtime=minutes(30),
    params:
        code=code_of("composition"),
        images=plan.composition_options,
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    shell:
        LIMITS + "pennate composition {params.images} --labels {input.labels:q} "
        "--out {params.folder:q} --prefix {wildcards.prefix} > {log:q} 2>&1"
