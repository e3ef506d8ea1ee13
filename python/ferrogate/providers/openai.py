"""OpenAI.

The organisation and project headers follow the environment as in the official SDKs. Client headers that begin
with ``openai-`` pass: they choose an organisation, a project or a beta of this provider alone.

https://platform.openai.com/docs/api-reference/authentication
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="openai",
    title="OpenAI",
    base_url="https://api.openai.com/v1",
    env_keys=("OPENAI_API_KEY",),
    env_base_url=("OPENAI_BASE_URL",),
    forward_headers=("openai-",),
    header_env={"openai-organization": "OPENAI_ORG_ID", "openai-project": "OPENAI_PROJECT_ID"},
    docs="https://platform.openai.com/docs/api-reference",
)
