# The declared output is the JSON, which holds every mask's hash: masks that come out the same stop the cascade there.
rule refine:
    input:
        description=f"{RESULTS}/data/{{seq}}.json",
        probability=f"{RESULTS}/memory/{{model}}/{{seq}}.h5",
        flow=flow_to_follow,
        look=lambda w: look_weights(w.method),
        correction=lambda w: correction_weights(w.method),
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
        runtime=60,
        gpu=lambda wildcards: gpus("") if look_weights(wildcards.method) else 0,
    params:
        version=stage_version("refine"),
        settings=lambda wildcards: refine_settings(wildcards.model, wildcards.method),
        look=lambda wildcards, input: f"--look {shlex.quote(input.look)} --threads 1" if input.look else "",
        weights=lambda wildcards: look_hashes(wildcards.method),
        flow=lambda wildcards, input: f"--flow {shlex.quote(input.flow)}" if input.flow else "",
    shell:
        "python -m vosmem refine {input.description:q} {input.probability:q} --method {wildcards.method}"
        " --settings {params.settings} {params.flow} {params.look} --out {output.masks:q} 2> {log:q}"


# Videos to look at. Nothing else needs them, so they are made only where they are asked for: `snakemake overlays`.
rule overlay:
    input:
        description=f"{RESULTS}/data/{{seq}}.json",
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
        runtime=60,
    shell:
        "python -m vosmem overlay {input.description:q} {input.masks:q} --out {output.video:q} 2> {log:q}"


rule overlays:
    input:
        expand(
            f"{RESULTS}/refine/{{model}}/{{method}}/{{seq}}.mp4",
            model=REPORTED,
            method=CONFIG["refine"]["methods"],
            seq=TEST,
        ),
