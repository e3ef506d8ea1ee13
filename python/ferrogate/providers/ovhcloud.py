"""OVHcloud AI Endpoints.

Without a key it answers within lower limits.

https://ovh.github.io/apache-airflow-provider-ovhcloud-ai/ai-endpoints
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="ovhcloud",
    title="OVHcloud AI Endpoints",
    base_url="https://oai.endpoints.kepler.ai.cloud.ovh.net/v1",
    env_keys=("OVH_AI_ENDPOINTS_ACCESS_TOKEN", "OVHCLOUD_API_KEY"),
    keyless=True,
    docs="https://ovh.github.io/apache-airflow-provider-ovhcloud-ai/ai-endpoints",
)
