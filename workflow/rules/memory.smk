rule memory_train:
    input:
        descriptions=descriptions(TRAIN),
        appearance=lambda w: [f for s in TRAIN if (f := appearance_of(w.model, s))],
        motion=lambda w: [f for s in TRAIN if (f := motion_of(w.model, s))],
    output:
        weights=f"{RESULTS}/memory/{{model}}/weights.safetensors",
        history=f"{RESULTS}/memory/{{model}}/history.csv",
    log:
        f"{RESULTS}/logs/memory_train/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/memory_train/{{model}}.tsv"
    wildcard_constraints:
        model=any_of(models_by_weights(trained=True)),
    conda:
        "../../envs/vosmem.yaml"
    threads: training_threads()
    resources:
        mem_mb=8000,
        runtime=24 * 60,
        gpu=0,
    params:
        version=stage_version("memory"),
        settings=lambda w: as_json(MODELS[w.model]["memory"]),
    shell:
        "python -m vosmem memory train {input.descriptions:q} --appearance {input.appearance:q} --motion {input.motion:q}"
        " --settings {params.settings} --threads {threads} --out {output.weights:q} --history {output.history:q} 2> {log:q}"


rule memory_adopt:
    input:
        weights=lambda w: adopted_weights(w.model),
    output:
        weights=f"{RESULTS}/memory/{{model}}/weights.safetensors",
        history=f"{RESULTS}/memory/{{model}}/history.csv",
    log:
        f"{RESULTS}/logs/memory_adopt/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/memory_adopt/{{model}}.tsv"
    wildcard_constraints:
        model=any_of(models_by_weights(trained=False)),
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        weights=lambda w: shlex.quote(MODELS[w.model]["memory"]["weights"]),
        hash=lambda w: weights_hash("lvo", MODELS[w.model]["memory"]["weights"]),
    shell:
        "python -m vosmem memory adopt {params.weights} --out {output.weights:q} --history {output.history:q} 2> {log:q}"


rule memory_predict:
    input:
        weights=f"{RESULTS}/memory/{{model}}/weights.safetensors",
        appearance=lambda w: appearance_of(w.model, w.seq),
        motion=lambda w: motion_of(w.model, w.seq),
    output:
        probability=f"{RESULTS}/memory/{{model}}/{{seq}}.h5",
    log:
        f"{RESULTS}/logs/memory/{{model}}/{{seq}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/memory/{{model}}/{{seq}}.tsv"
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        gpu=0,
    params:
        version=stage_version("memory"),
        streams=lambda w, input: " ".join(
            f"--{name} {shlex.quote(input[name])}" for name in ("appearance", "motion") if input.get(name)
        ),
    shell:
        "python -m vosmem memory predict {input.weights:q} {params.streams} --threads {threads}"
        " --out {output.probability:q} 2> {log:q}"
