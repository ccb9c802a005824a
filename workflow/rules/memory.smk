# `part` is empty, or the folder of one fold of a cross-validation.
rule memory_train:
    input:
        unpack(lambda w: cached(w.model, trained_on(w.model, w.part))),
        descriptions=lambda w: descriptions(trained_on(w.model, w.part)),
        initial=lambda w: given_weights(w.model, "init"),
    output:
        weights=f"{RESULTS}/memory/{{model}}/{{part}}weights.safetensors",
        history=report(
            f"{RESULTS}/memory/{{model}}/{{part}}history.csv",
            caption="../report/history.rst",
            category="Training",
            labels=lambda w: {"model": w.model, "part": w.part[:-1] or "all"},
        ),
    log:
        f"{RESULTS}/logs/memory_train/{{model}}/{{part}}train.log",
    benchmark:
        f"{RESULTS}/benchmarks/memory_train/{{model}}/{{part}}train.tsv"
    wildcard_constraints:
        model=any_of(models_by_weights(trained=True)),
        part=r"(fold[^/]+/)?",
    conda:
        "../../envs/vosmem.yaml"
    threads: lambda w: training_threads(w.model)
    resources:
        mem_mb=megabytes(8000),
        runtime=minutes(24 * 60),
        gpu=lambda w: gpus(MODELS[w.model]["memory"]["processes"]),
    params:
        version=lambda w: training_version(w.model),
        settings=lambda w: training_options(w.model),
        streams=lambda w: stream_options(w.model),
    shell:
        "python -m vosmem memory train {input.descriptions:q} {params.streams} --settings {params.settings}"
        " --threads {threads} --out {output.weights:q} --history {output.history:q} 2> {log:q}"


rule memory_adopt:
    input:
        weights=lambda w: given_weights(w.model, "weights"),
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
        mem_mb=megabytes(500),
        runtime=minutes(10),
    params:
        weights=lambda w: shlex.quote(MODELS[w.model]["memory"]["weights"]),
        hash=lambda w: shipped_hash(w.model, "weights"),
    shell:
        "python -m vosmem memory adopt {params.weights} --out {output.weights:q} --history {output.history:q} 2> {log:q}"


rule memory_predict:
    input:
        unpack(lambda w: cached(w.model, [w.seq])),
        weights=lambda w: f"{RESULTS}/memory/{w.model}/{part_of(w.model, w.seq)}weights.safetensors",
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
        mem_mb=megabytes(4000),
        runtime=minutes(60),
        gpu=gpus(1),
    params:
        version=stage_version("memory"),
        streams=lambda w: stream_options(w.model, w.seq),
        views=lambda w: views(w.model),
    shell:
        "python -m vosmem memory predict {input.weights:q} {params.streams} {params.views} --threads {threads}"
        " --out {output.probability:q} 2> {log:q}"
