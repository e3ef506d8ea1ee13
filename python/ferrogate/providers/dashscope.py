"""Alibaba Cloud's Model Studio (DashScope): the Qwen models, outside of China.

The vendor's page was not seen: the base URL and the variable are from models.dev, which names it.

https://www.alibabacloud.com/help/en/model-studio/models
"""

from __future__ import annotations

from ferrogate.providers.base import ProviderSpec

__all__ = ["SPEC"]

SPEC = ProviderSpec(
    name="dashscope",
    title="Alibaba Cloud Model Studio",
    base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    env_keys=("DASHSCOPE_API_KEY",),
    docs="https://www.alibabacloud.com/help/en/model-studio/models",
)
