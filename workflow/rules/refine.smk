# The declared output is the JSON, which holds every mask's hash, and is written last.
rule refine:
    input:
        description=f"{RESULTS}/frames/{{seq}}.json",
        probability=f"{RESULTS}/memory/{{model}}/{{seq}}.h5",
        flow=lambda w: flow_to_follow(w.model, w.method, w.seq),
        appearance=lambda w: told_alike_by(w.model, w.method, [w.seq]),
        look=lambda w: look_weights(w.method),
        correction=lambda w: correction_weights(w.model, w.method, w.seq),
    output:
        masks=f"{RESULTS}/refine/{{model}}/{{method}}/{{seq}}.json",
    log:
        f"{RESULTS}/logs/refine/{{model}}/{{method}}/{{seq}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/refine/{{model}}/{{method}}/{{seq}}.tsv"
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(2000),
        runtime=minutes(60),
        gpu=lambda wildcards: gpus(wildcards.method == "zoom"),
    params:
        version=stage_version("refine"),
        settings=lambda wildcards: refine_settings(wildcards.model, wildcards.method),
        look=lambda wildcards, input: look_options(wildcards.method, input.look, input.correction),
        weights=lambda wildcards: look_hashes(wildcards.method),
        flow=lambda wildcards, input: f"--flow {shlex.quote(input.flow)}" if input.flow else "",
        alike=lambda w: alike_options(w.model, w.method, w.seq),
    shell:
        "python -m vosmem refine {input.description:q} {input.probability:q} --method {wildcards.method}"
        " --settings {params.settings} {params.flow} {params.alike} {params.look} --threads {threads} --out {output.masks:q} 2> {log:q}"


# Where refine.zoom.correction is `trained`. A fold's learns from what the others' memories make of sequences that they did
# not see; no network that segments a sequence was trained on it.
rule correction_train:
    input:
        descriptions=lambda w: descriptions(correction_trained_on(w.model, w.part)),
        probabilities=lambda w: [
            f"{RESULTS}/memory/{w.model}/{seq}.h5" for seq in correction_trained_on(w.model, w.part)
        ],
        flows=lambda w: [
            flow_to_follow(w.model, "zoom", seq)
            for seq in correction_trained_on(w.model, w.part)
            if steadied(w.model, "zoom")
        ],
        appearance=lambda w: told_alike_by(w.model, "zoom", correction_trained_on(w.model, w.part)),
        look=look_weights("zoom"),
    output:
        weights=f"{RESULTS}/correction/{{model}}/{{part}}weights.safetensors",
    log:
        f"{RESULTS}/logs/correction/{{model}}/{{part}}train.log",
    benchmark:
        f"{RESULTS}/benchmarks/correction/{{model}}/{{part}}train.tsv"
    wildcard_constraints:
        part=r"(fold[^/]+/)?",
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(8000),
        runtime=minutes(4 * 60),
        gpu=gpus(1),
    params:
        version=stage_version("refine"),
        settings=lambda w: correction_settings(w.model),
        memory=lambda w: shlex.quote(f"{RESULTS}/memory/{w.model}"),
        flow=lambda w, input: f"--flow {shlex.quote(str(Path(input.flows[0]).parent))}" if input.flows else "",
        alike=lambda w: alike_options(w.model, "zoom"),
        weights=weights.entry(look_network()).sha256,
    shell:
        "python -m vosmem correction {input.descriptions:q} --memory {params.memory} {params.flow} {params.alike} --look {input.look:q}"
        " --settings {params.settings} --threads {threads} --out {output.weights:q} 2> {log:q}"


# For who wants masks alone, neither scores nor a page: `snakemake masks`.
rule masks:
    input:
        reported_masks(),
        f"{RESULTS}/config.yaml",  # by which `vosmem cache` tells what is needed, and of which weights


# Videos to look at. Nothing else needs them, so they are made only where they are asked for: `snakemake overlays`.
rule overlay:
    input:
        description=f"{RESULTS}/frames/{{seq}}.json",
        masks=f"{RESULTS}/refine/{{model}}/{{method}}/{{seq}}.json",
    output:
        video=f"{RESULTS}/refine/{{model}}/{{method}}/{{seq}}.mp4",
    log:
        f"{RESULTS}/logs/overlay/{{model}}/{{method}}/{{seq}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/overlay/{{model}}/{{method}}/{{seq}}.tsv"
    conda:
        "../../envs/vosmem.yaml"
    threads: 1
    resources:
        mem_mb=megabytes(1500),
        runtime=minutes(60),
    shell:
        "python -m vosmem overlay {input.description:q} {input.masks:q} --out {output.video:q} 2> {log:q}"


rule overlays:
    input:
        reported_masks("mp4"),
