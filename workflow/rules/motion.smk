rule motion:
    input:
        flow=f"{RESULTS}/flow/{{estimator}}/{{seq}}.h5",
        weights=lambda w: network_weights("motion", w.network),
    output:
        motion=kept("motion", f"{RESULTS}/motion/{{network}}-{{estimator}}/{{seq}}.h5"),
    log:
        f"{RESULTS}/logs/motion/{{network}}-{{estimator}}/{{seq}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/motion/{{network}}-{{estimator}}/{{seq}}.tsv"
    priority: 1  # before flow of other sequences, so that little of it waits where it is not kept
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(60),
        gpu=lambda w: gpus(has_weights("motion", w.network)),
    params:
        version=stage_version("motion"),
        settings=lambda w: as_json(settings_of("motion", w.network)),
        weights=lambda w: weights_hash("motion", w.network),
    shell:
        "python -m vosmem motion predict {input.flow:q} --settings {params.settings} --threads {threads}"
        " --out {output.motion:q} 2> {log:q}"
