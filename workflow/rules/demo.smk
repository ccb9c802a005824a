if rendered():

    rule demo:
        output:
            root=directory(CONFIG["data"]["root"]),
        log:
            "results/logs/demo.log",
        benchmark:
            "results/benchmarks/demo.tsv"
        params:
            version=stage_version("demo"),
        conda:
            "../../envs/vosmem.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        shell:
            "python -m vosmem demo --out {output.root:q} 2> {log}"
