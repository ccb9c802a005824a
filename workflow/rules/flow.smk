rule flow:
    input:
        description=f"{RESULTS}/data/{{seq}}.json",
        checked=ancient(f"{RESULTS}/data/defects.tsv"),
    output:
        flow=f"{RESULTS}/flow/{{estimator}}/{{seq}}.h5",
    log:
        f"{RESULTS}/logs/flow/{{estimator}}/{{seq}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/flow/{{estimator}}/{{seq}}.tsv"
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        version=stage_version("flow"),
        settings=lambda w: as_json(settings_of("flow", w.estimator)),
    shell:
        "python -m vosmem flow {input.description:q} --settings {params.settings} --out {output.flow:q} 2> {log:q}"
