"""What others read about the project: the catalogue of Snakemake workflows, and how to cite it."""

import tomllib

import yaml

import vosmem


def test_the_catalogue_finds_what_it_asks_for(repository):
    """A Snakefile in workflow/, instructions in config/README.md, and the file that says how it is deployed."""
    usage = yaml.safe_load((repository / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage.keys() == {"mandatory-flags", "software-stack-deployment", "report"} and usage["report"] is True
    assert usage["mandatory-flags"].keys() == {"desc", "flags"}
    deployed = usage["software-stack-deployment"]
    assert deployed == {"conda": True, "apptainer": False, "apptainer+conda": False}
    assert (repository / "workflow/Snakefile").is_file()
    assert (repository / "config/README.md").is_file()
    assert "report(" in (repository / "workflow/rules/report.smk").read_text()
    readme = (repository / "README.md").read_text().lower()
    assert "snakemake" in readme and "workflow" in readme


def test_the_version_is_one(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    cited = yaml.load((repository / "CITATION.cff").read_text(), yaml.BaseLoader)
    assert project["version"] == cited["version"] == vosmem.__version__
    assert project["license"] == cited["license"]


def test_software_and_paper_can_be_cited(repository):
    cited = yaml.safe_load((repository / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()  # what the format requires
    assert cited["cff-version"] == "1.2.0" and cited["type"] == "software"
    assert cited["authors"] == [{"name": "The vosmem developers"}]
    (paper,) = cited["references"]
    assert {"type", "title", "authors"} <= paper.keys()
    assert [author["family-names"] for author in paper["authors"]] == ["Tokmakov", "Alahari", "Schmid"]
    assert paper["year"] == 2017
