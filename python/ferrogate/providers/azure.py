"""Azure OpenAI.

Two forms of URL. The dated one has the deployment's name in the path, where the request's ``model`` goes, and
sends ``api-version``. The newer one, under ``/openai/v1``, is shaped like OpenAI's own. Both take the key in
``api-key``. The base URL is the resource's, ``https://NAME.openai.azure.com``; one that ends in
``/openai/v1`` chooses that form.

https://learn.microsoft.com/azure/ai-foundry/openai/reference
https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from ferrogate.providers.base import AuthScheme, ProviderOption, ProviderSpec

__all__ = ["SPEC"]

_IN_DEPLOYMENT = ("chat.completions", "completions", "embeddings", "images", "audio")


def _configure(spec: ProviderSpec, options: Mapping[str, str]) -> ProviderSpec:
    written, api = spec.base_url or "", options["api"]
    resource = written.removesuffix("/v1").removesuffix("/openai")
    if api == "v1" or (api == "auto" and written.endswith("/openai/v1")):
        return replace(spec, base_url=resource, templates={"*": "/openai/v1/{path}"})
    deployment = dict.fromkeys(_IN_DEPLOYMENT, "/openai/deployments/{model}/{path}")
    query = urlencode({"api-version": options["api_version"]})
    return replace(spec, base_url=resource, templates={"*": "/openai/{path}", **deployment}, query=query)


SPEC = ProviderSpec(
    name="azure",
    title="Azure OpenAI",
    auth=AuthScheme(header="api-key", prefix=""),
    env_keys=("AZURE_OPENAI_API_KEY",),
    env_base_url=("AZURE_OPENAI_ENDPOINT",),
    forward_headers=("openai-",),
    options=(
        ProviderOption(
            name="api",
            default="auto",
            choices=("auto", "deployments", "v1"),
            summary="/openai/deployments/NAME with a dated version, or /openai/v1; auto looks at base_url",
        ),
        ProviderOption(
            name="api_version",
            default="2024-10-21",
            env=("OPENAI_API_VERSION",),
            summary="the dated version that the deployments form sends",
        ),
    ),
    configure=_configure,
    docs="https://learn.microsoft.com/azure/ai-foundry/openai/reference",
)
