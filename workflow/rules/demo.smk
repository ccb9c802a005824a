if rendered():

    rule demo:
        output:
            directory(CONFIG["data"]["root"]),
        log:
            "results/logs/demo.log",
        benchmark:
            "results/benchmarks/demo.tsv"
        conda:
            "../../envs/vosmem.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        shell:
            "python -m vosmem demo --out {output} 2> {log}"
