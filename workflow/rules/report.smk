# The configuration as it was resolved, beside the results: every default, every model, every sequence by name.
rule config_resolved:
    output:
        config=f"{RESULTS}/config.yaml",
    log:
        f"{RESULTS}/logs/config_resolved.log",
    benchmark:
        f"{RESULTS}/benchmarks/config_resolved.tsv"
    localrule: True
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(500),
        runtime=10,
    params:
        settings=lambda w: resolved_config(),
    shell:
        # thousands of sequences by name are more than the 128 KiB that one argument may have
        "python -m vosmem report --save-config - --out {output.config:q} <<< {params.settings} 2> {log:q}"


# Everything else that the page shows lies above these in the table of stages, so it is there once they are.
rule report:
    input:
        config=f"{RESULTS}/config.yaml",
        defects=f"{RESULTS}/data/defects.tsv",
        weights=[f"{RESULTS}/memory/{m}/{part}weights.safetensors" for m in REPORTED for part in parts(m)],
        history=[f"{RESULTS}/memory/{m}/{part}history.csv" for m in REPORTED for part in parts(m)],
        corrections=[trained_correction(model, part) for model, part in trained_corrections()],
        masks=reported_masks(),
        scores=reported_scores(),
        references=list(CONFIG["report"]["reference"].values()),
    output:
        page=report(
            f"{RESULTS}/report.html",
            caption="../report/page.rst",
            category="Report",
            labels={"data set": DATASET},
        ),
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=20,
    params:
        version=stage_version("report"),
        results=lambda w, input: str(Path(input.config).parent),
    shell:
        "python -m vosmem report {params.results:q} --config {input.config:q} --out {output.page:q} 2> {log:q}"


# The same page under a name that does not depend on the data set.
rule report_latest:
    input:
        page=f"{RESULTS}/report.html",
    output:
        page="results/report.html",
    log:
        "results/logs/report_latest.log",
    benchmark:
        "results/benchmarks/report_latest.tsv"
    localrule: True
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(100),
        runtime=5,
    shell:
        "cp {input.page:q} {output.page:q} 2> {log:q}"


# What each part of the model is worth. Not a part of `all`: `snakemake results/ablation.html`
rule ablation:
    input:
        config=f"{RESULTS}/config.yaml",
        weights=lambda w: [
            f"{RESULTS}/memory/{m}/{part}weights.safetensors" for m in ablation_models() for part in parts(m)
        ],
        scores=lambda w: sorted(
            {f"{RESULTS}/evaluate/{m}/{row.method}/summary.csv" for row in ABLATION for m in row.models}
        ),
    output:
        page=report(
            f"{RESULTS}/ablation.html",
            caption="../report/ablation.rst",
            category="Ablation",
            labels={"data set": DATASET},
        ),
        table=f"{RESULTS}/ablation.csv",
    log:
        f"{RESULTS}/logs/ablation.log",
    benchmark:
        f"{RESULTS}/benchmarks/ablation.tsv"
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=20,
    params:
        version=stage_version("report"),
        results=lambda w, input: str(Path(input.config).parent),
    shell:
        "python -m vosmem report {params.results:q} --config {input.config:q} --ablation --csv {output.table:q}"
        " --out {output.page:q} 2> {log:q}"


rule ablation_latest:
    input:
        page=f"{RESULTS}/ablation.html",
    output:
        page="results/ablation.html",
    log:
        "results/logs/ablation_latest.log",
    benchmark:
        "results/benchmarks/ablation_latest.tsv"
    localrule: True
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(100),
        runtime=5,
    shell:
        "cp {input.page:q} {output.page:q} 2> {log:q}"


# Rows side by side. Not a part of `all`: `snakemake results/compare.html`
rule compare:
    input:
        config=f"{RESULTS}/config.yaml",
        descriptions=descriptions(TEST),
        masks=lambda w: compared("masks"),
        scores=lambda w: compared("scores"),
    output:
        page=report(
            f"{RESULTS}/compare.html",
            caption="../report/compare.rst",
            category="Comparison",
            labels={"data set": DATASET},
        ),
    log:
        f"{RESULTS}/logs/compare.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare.tsv"
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=20,
    params:
        version=stage_version("report"),
        results=lambda w, input: str(Path(input.config).parent),
    shell:
        "python -m vosmem report {params.results:q} --config {input.config:q} --compare --out {output.page:q} 2> {log:q}"


use rule ablation_latest as compare_latest with:
    input:
        page=f"{RESULTS}/compare.html",
    output:
        page="results/compare.html",
    log:
        "results/logs/compare_latest.log",
    benchmark:
        "results/benchmarks/compare_latest.tsv"
