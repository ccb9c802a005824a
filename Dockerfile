# vosmem in a container: this clone, in the versions of envs/vosmem.yaml, which the rules then need no conda for.
#   docker build -t vosmem .
#   docker run --rm -v "$PWD/results:/vosmem/results" -v "$PWD/resources:/vosmem/resources" vosmem
# Behind the image's name stands what you would give to snakemake; mount your data set where your config file says it is.
FROM python:3.11-slim
WORKDIR /vosmem
COPY . .
RUN sed -n 's/^ *- \([^ ]*==[^ ]*\)$/\1/p' envs/vosmem.yaml > /tmp/versions.txt \
 && pip install --no-cache-dir --constraint /tmp/versions.txt "snakemake==9.27.1" ".[all]"
ENTRYPOINT ["snakemake"]
CMD ["results/report.html"]
