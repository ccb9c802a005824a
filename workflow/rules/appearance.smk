rule appearance:
    input:
        description=f"{RESULTS}/frames/{{seq}}.json",
        weights=lambda w: network_weights("appearance", w.network),
    output:
        features=kept("appearance", f"{RESULTS}/appearance/{{network}}/{{seq}}.h5"),
    log:
        f"{RESULTS}/logs/appearance/{{network}}/{{seq}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/appearance/{{network}}/{{seq}}.tsv"
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(3000),
        runtime=minutes(60),
        gpu=lambda w: gpus(has_weights("appearance", w.network)),
    params:
        version=stage_version("appearance"),
        settings=lambda w: as_json(settings_of("appearance", w.network)),
        weights=lambda w: weights_hash("appearance", w.network),
    shell:
        "python -m vosmem appearance {input.description:q} --settings {params.settings} --threads {threads}"
        " --out {output.features:q} 2> {log:q}"
