"""GitHub Models, named ``publisher/model``.

A token with ``models: read`` has to be given: ``GITHUB_TOKEN`` opens more than models, and is not taken by
itself. The catalog stands elsewhere, so there is no list of models.

https://docs.github.com/en/rest/models/inference
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="github-models",
    title="GitHub Models",
    base_url="https://models.github.ai/inference",
    headers={"accept": "application/vnd.github+json"},
    docs="https://docs.github.com/en/rest/models/inference",
)
