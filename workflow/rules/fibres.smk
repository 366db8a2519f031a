rule fibres:
    input:
        tensor=plan.file("diffusion", "_desc-noisy_tensor.nii.gz"),
        labels=plan.file("segmentation", "_dseg.nii.gz"),
        anat=plan.file("segmentation", "_anat.nii.gz"),
        aponeuroses=plan.aponeuroses,
    output:
        plan.outputs("fibres"),
    log:
        f"{LOGS}_fibres.log",
    benchmark:
        f"{LOGS}_fibres.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        mem_mb=plan.memory("fibres"),
        runtime=minutes(60),
    params:
        code=code_of("fibres"),
        settings=plan.settings_of("fibres"),
        aponeuroses=lambda wildcards, input: options("--aponeurosis", input.aponeuroses),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    shell:
        LIMITS + "pennate fibres --tensor {input.tensor:q} --labels {input.labels:q} "
        "--anat {input.anat:q} {params.aponeuroses} --out {params.folder:q} --prefix {wildcards.prefix} "
        "--no-page --settings {params.settings:q} > {log:q} 2>&1"
