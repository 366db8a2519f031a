rule report:
    input:
        map=lambda wildcards: plan.files("map", plan.session(wildcards)),
        model=plan.model_shown,
    output:
        report(
            str(plan.out / "{prefix}.html"),
            caption="../report/participant.rst",
            category="Reports",
        ),
    log:
        str(plan.out / "logs" / "{prefix}_report.log"),
    benchmark:
        str(plan.out / "logs" / "{prefix}_report.tsv")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=plan.memory("report"),
        runtime=30,
    params:
        code=code("report"),
        maps=lambda wildcards, input: str(Path(input.map[0]).parent),
        model=lambda wildcards, input: options(
            "--model-dir", [str(Path(f).parent) for f in input.model[:1]]
        ),
    shell:
        LIMITS
        + "pennate report --map-dir {params.maps:q} --prefix {wildcards.prefix} "
        "{params.model} --out {output[0]:q} > {log:q} 2>&1"


rule group_report:
    input:
        [f for s in plan.sessions.values() for f in plan.files("map", s)],
    output:
        report(plan.group_targets(), caption="../report/group.rst", category="Reports"),
    log:
        str(plan.out / "logs" / "group.log"),
    benchmark:
        str(plan.out / "logs" / "group.tsv")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=plan.memory("report"),
        runtime=30,
    params:
        code=code("report"),
        out=str(plan.out),
    shell:
        LIMITS + "pennate report --group {params.out:q} > {log:q} 2>&1"
