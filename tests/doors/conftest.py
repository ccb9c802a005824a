"""What is refused is refused without weights: none are fetched here."""

import pytest


@pytest.fixture(autouse=True)
def nothing_fetched(monkeypatch):
    monkeypatch.setattr("vosmem.pipeline.stages.Stages.fetch", lambda stages: {})
