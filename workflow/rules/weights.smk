rule weights:
    output:
        "resources/weights/{file}",
    log:
        "results/logs/weights/{file}.log",
    benchmark:
        "results/benchmarks/weights/{file}.tsv"
    wildcard_constraints:
        file=any_of(entry.file for entry in weights.registry().values()),
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=30,
    params:
        name=lambda w: weights_name(w.file),
    shell:
        "python -m vosmem weights {params.name} > {log} 2>&1"
