rule weights:
    output:
        "resources/weights/{file}",
    log:
        "results/logs/weights/{file}.log",
    benchmark:
        "results/benchmarks/weights/{file}.tsv"
    wildcard_constraints:
        file=any_of(fetched()),
    localrule: True
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(500),
        runtime=30,
    params:
        name=lambda w: fetched()[w.file],
    shell:
        "python -m vosmem weights {params.name:q} > {log} 2>&1"
