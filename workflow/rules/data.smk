# Frames by themselves, so that another mask makes nothing anew that is made of frames.
rule frames:
    input:
        root=CONFIG["data"]["root"] if rendered() else [],
    output:
        description=f"{RESULTS}/frames/{{seq}}.json",
    log:
        f"{RESULTS}/logs/frames/{{seq}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/frames/{{seq}}.tsv"
    priority: 2  # looking comes before computing
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(20),
    params:
        version=stage_version("data"),
        fingerprint=lambda w: fingerprints(w.seq)["frames"],
        settings=as_arguments(CONFIG["data"], *placed_by("frames"), "short_side") + cut(),
    shell:
        "python -m vosmem data frames {wildcards.seq:q} {params.settings} --out {output.description:q} 2> {log:q}"


rule data:
    input:
        frames=f"{RESULTS}/frames/{{seq}}.json",
    output:
        description=f"{RESULTS}/data/{{seq}}.json",
    log:
        f"{RESULTS}/logs/data/{{seq}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/data/{{seq}}.tsv"
    priority: 2  # looking comes before computing
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(20),
    params:
        version=stage_version("data"),
        fingerprint=lambda w: fingerprints(w.seq)["masks"],
        settings=as_arguments(CONFIG["data"], *placed_by("masks")),
        needs_masks=lambda w: "--needs-masks" if w.seq in TRAIN else "",
    shell:
        "python -m vosmem data describe {wildcards.seq:q} --looked-at {input.frames:q} {params.settings} {params.needs_masks}"
        " --out {output.description:q} 2> {log:q}"


# All defects in one table. No rule of the stages below has it as input: where a job is to run, Snakemake does not ask
# what lies below whether it has reasons of its own, even if all that leads there is ancient.
rule data_check:
    input:
        descriptions=descriptions(SEQUENCES),
    output:
        table=f"{RESULTS}/data/defects.tsv",
    log:
        f"{RESULTS}/logs/data_check.log",
    benchmark:
        f"{RESULTS}/benchmarks/data_check.tsv"
    priority: 2  # looking comes before computing
    localrule: True
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(500),
        runtime=minutes(10),
    params:
        version=stage_version("data"),
    shell:
        "python -m vosmem data check {input.descriptions:q} --out {output.table:q} 2>&1 | tee {log:q} >&2"


# Not a part of `all`: snakemake download_davis2016 [--configfile config/davis2016.yaml]
rule download_davis2016:
    output:
        record="results/downloads/davis2016.json",
    log:
        "results/logs/download_davis2016.log",
    benchmark:
        "results/benchmarks/download_davis2016.tsv"
    localrule: True
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(500),
        runtime=minutes(24 * 60),
    params:
        to=shlex.quote(DOWNLOADED_TO),
        sha256=shlex.quote(CONFIG["data"]["sha256"]),
        there=Path(DOWNLOADED_TO).is_dir(),
    shell:
        "python -m vosmem data download davis2016 --to {params.to} --sha256 {params.sha256}"
        " > {output.record:q} 2> >(tee {log:q} >&2)"
