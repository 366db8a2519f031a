rule report:
    input:
        maps=lambda wildcards: plan.files("map", plan.session(wildcards)),
        # The page links to what is there.
        export=plan.exports_shown,
        norms=plan.norms,
        participants=plan.who_has_norms,
        model=plan.model_shown,
        contexts=contexts.shown,
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
        runtime=minutes(30),
    params:
        code=code_of("report"),
        maps=lambda wildcards, input: str(Path(input.maps[0]).parent),
        norms=lambda wildcards, input: options("--norms", input.norms),
        participants=lambda wildcards, input: options(
            "--participants", input.participants
        ),
        model=lambda wildcards, input: options(
            "--model-dir", [str(Path(f).parent) for f in input.model[:1]]
        ),
        contexts=lambda wildcards, input: contexts.shown_options(input.contexts),
    shell:
        LIMITS
        + "pennate report --map-dir {params.maps:q} --prefix {wildcards.prefix} "
        "--out {output[0]:q} {params.norms} {params.participants} {params.model} {params.contexts} "
        "> {log:q} 2>&1"


rule group_report:
    input:
        maps=[f for s in plan.sessions.values() for f in plan.files("map", s)],
        # The page links to what is there.
        pages=[str(plan.out / f"{s.prefix}.html") for s in plan.sessions.values()],
        participants=plan.participants,
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
        runtime=minutes(30),
    params:
        code=code_of("report"),
        out=str(plan.out),
        members=plan.group_members(),
        participants=lambda wildcards, input: options(
            "--participants", input.participants
        ),
        controls=lambda wildcards: options(
            "--controls", plan.settings.report.controls or []
        ),
    shell:
        LIMITS + "pennate report --group {params.out:q} {params.participants} "
        "{params.controls} {params.members} > {log:q} 2>&1"


rule compare:
    input:
        maps=plan.maps_of_person,
        repeatability=plan.repeatability,
    output:
        report(
            [f.replace("{prefix}", "{person}") for f in plan.comparison()],
            caption="../report/comparison.rst",
            category="Visits",
        ),
    log:
        str(plan.out / "logs" / "{person}_compare.log"),
    benchmark:
        str(plan.out / "logs" / "{person}_compare.tsv")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=plan.memory("report"),
        runtime=minutes(30),
    params:
        code=code_of("compare"),
        out=str(plan.out),
        sessions=plan.sessions_of_person,
        repeatability=lambda wildcards, input: options(
            "--repeatability", input.repeatability
        ),
    shell:
        LIMITS + "pennate compare {params.out:q} --participant {wildcards.person} "
        "{params.sessions} {params.repeatability} > {log:q} 2>&1"
