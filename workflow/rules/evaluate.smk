# summary.csv stands beside the sequences' files, as the measures' public tools have it, and no sequence is called so.
rule evaluate:
    input:
        description=f"{RESULTS}/data/{{seq}}.json",
        masks=f"{RESULTS}/refine/{{model}}/{{method}}/{{seq}}.json",
    output:
        frames=f"{RESULTS}/evaluate/{{model}}/{{method}}/{{seq}}.csv",
    log:
        f"{RESULTS}/logs/evaluate/{{model}}/{{method}}/{{seq}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{{model}}/{{method}}/{{seq}}.tsv"
    wildcard_constraints:
        seq=any_of(SEQUENCES),
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(30),
    params:
        version=stage_version("evaluate"),
        settings=as_json(CONFIG["evaluate"]),
    shell:
        "python -m vosmem evaluate --sequence {input.description:q} --masks {input.masks:q} --settings {params.settings}"
        " --per-frame {output.frames:q} 2> {log:q}"


rule evaluate_summary:
    input:
        frames=expand(f"{RESULTS}/evaluate/{{{{model}}}}/{{{{method}}}}/{{seq}}.csv", seq=TEST),
    output:
        summary=report(
            f"{RESULTS}/evaluate/{{model}}/{{method}}/summary.csv",
            caption="../report/summary.rst",
            category="Scores",
            labels={"model": "{model}", "masks": "{method}"},
        ),
    log:
        f"{RESULTS}/logs/evaluate/{{model}}/{{method}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate_summary/{{model}}/{{method}}.tsv"
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(500),
        runtime=minutes(10),
    params:
        version=stage_version("evaluate"),
        settings=as_json(CONFIG["evaluate"]),
    shell:
        "python -m vosmem evaluate --summarise {input.frames:q} --settings {params.settings}"
        " --csv {output.summary:q} 2> {log:q}"
