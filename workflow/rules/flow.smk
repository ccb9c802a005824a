rule flow:
    input:
        description=f"{RESULTS}/frames/{{seq}}.json",
        weights=lambda w: network_weights("flow", w.estimator),
    output:
        flow=kept("flow", f"{RESULTS}/flow/{{estimator}}/{{seq}}.h5"),
    log:
        f"{RESULTS}/logs/flow/{{estimator}}/{{seq}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/flow/{{estimator}}/{{seq}}.tsv"
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(60),
        gpu=lambda w: gpus(has_weights("flow", w.estimator)),
    params:
        version=stage_version("flow"),
        settings=lambda w: as_json(settings_of("flow", w.estimator)),
        weights=lambda w: weights_hash("flow", w.estimator),
    shell:
        "python -m vosmem flow {input.description:q} --settings {params.settings} --threads {threads}"
        " --out {output.flow:q} 2> {log:q}"
