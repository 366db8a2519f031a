rule stiffness_from_waves:
    input:
        waves=plan.waves,
        beside=plan.beside("waves"),
        fmap=plan.wave_fmap,
        fmap_beside=plan.beside("wave_fmap"),
        anat=plan.file("segmentation", "_anat.nii.gz"),
        labels=plan.file("segmentation", "_dseg.nii.gz"),
        directions=plan.directions,
    output:
        plan.outputs("waves"),
    log:
        f"{LOGS}_waves.log",
    benchmark:
        f"{LOGS}_waves.tsv"
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
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    shell:
        LIMITS + "pennate elastography {params.images} --labels {input.labels:q} "
        "--anatomy {input.anat:q} {params.fmap} {params.directions} --out {params.folder:q} --prefix {wildcards.prefix} "
        "--settings {params.settings:q} > {log:q} 2>&1"


rule stiffness_from_map:
    input:
        stiffness=plan.stiffness,
        beside=plan.beside("stiffness"),
        labels=plan.file("segmentation", "_dseg.nii.gz"),
    output:
        plan.outputs("stiffness"),
    log:
        f"{LOGS}_stiffness.log",
    benchmark:
        f"{LOGS}_stiffness.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=plan.memory("elastography"),
        runtime=minutes(30),
    params:
        code=code_of("elastography"),
        settings=plan.settings_of("elastography"),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    shell:
        LIMITS + "pennate elastography --stiffness {input.stiffness:q} "
        "--labels {input.labels:q} --out {params.folder:q} --prefix {wildcards.prefix} "
        "--settings {params.settings:q} > {log:q} 2>&1"


rule ultrasound:
    input:
        frames=plan.frames,
        beside=plan.beside("frames"),
        labels=plan.file("segmentation", "_dseg.nii.gz"),
        directions=plan.directions,
    output:
        plan.outputs("ultrasound"),
    log:
        f"{LOGS}_ultrasound.log",
    benchmark:
        f"{LOGS}_ultrasound.tsv"
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
        folder=lambda wildcards, output: str(Path(output[0]).parent),
    shell:
        LIMITS + "pennate ultrasound {params.images} --labels {input.labels:q} "
        "{params.directions} --out {params.folder:q} --prefix {wildcards.prefix} "
        "--settings {params.settings:q} > {log:q} 2>&1"
