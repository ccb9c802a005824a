if rendered():

    rule demo:
        output:
            root=directory(CONFIG["data"]["root"]),
        log:
            "results/logs/demo.log",
        benchmark:
            "results/benchmarks/demo.tsv"
        conda:
            "../../envs/vosmem.yaml"
        threads: 1
        resources:
            mem_mb=megabytes(1000),
            runtime=10,
        params:
            version=stage_version("demo"),
        shell:
            "python -m vosmem demo --out {output.root:q} 2> {log}"
