rule diffusion:
    input:
        unpack(plan.dwi_inputs),
        fmap=plan.fmap,
        anat=plan.file("segmentation", "_anat.nii.gz"),
        labels=plan.file("segmentation", "_dseg.nii.gz"),
    output:
        plan.outputs("diffusion"),
    log:
        f"{LOGS}_diffusion.log",
    benchmark:
        f"{LOGS}_diffusion.tsv"
    conda:
        ENVIRONMENT
    threads: THREADS
    resources:
        mem_mb=plan.memory("diffusion"),
        runtime=minutes(60),
    params:
        code=code_of("diffusion"),
        settings=plan.settings_of("diffusion"),
        fmap=lambda wildcards, input: options("--fmap", input.fmap),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    shell:
        LIMITS
        + "pennate diffusion --dwi {input.dwi:q} --bval {input.bval:q} --bvec {input.bvec:q} "
        "--anat {input.anat:q} --labels {input.labels:q} {params.fmap} "
        "--out {params.folder:q} --prefix {wildcards.prefix} "
        "--settings {params.settings:q} > {log:q} 2>&1"
