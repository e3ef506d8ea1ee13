"""LiteLLM's proxy: https://docs.litellm.ai/docs/simple_proxy

Two settings are not its defaults: a master key, without which it does not start, and its price list from the
package instead of the network (``LITELLM_LOCAL_MODEL_COST_MAP``). One worker, as it ships.
"""

from __future__ import annotations

import json
import secrets
import subprocess
from pathlib import Path

from ferrogate.cli.bench import servers

from .peer import HOME, Peer, Running

_BIN = HOME / "litellm" / "bin"
_MODELS = ("echo", "filler")
_PATIENCE_S = 120.0


def configuration(mock: str) -> str:
    """Its ``config.yaml`` (JSON is YAML): models of OpenAI's dialect at the mock's base URL."""
    models = [
        {
            "model_name": name,
            "litellm_params": {"model": f"openai/{name}", "api_base": f"{mock}/v1", "api_key": servers.KEY},
        }
        for name in _MODELS
    ]
    return json.dumps({"model_list": models}, indent=1)


def begin(folder: Path, mock: str) -> Running:
    config = folder / "litellm.yaml"
    config.write_text(configuration(mock), encoding="utf-8")
    port = servers.free_port()
    key = f"sk-{secrets.token_hex(24)}"
    server = servers.start(
        "litellm",
        [_BIN / "litellm", "--config", config, "--host", "127.0.0.1", "--port", str(port)],
        folder,
        url=f"http://127.0.0.1:{port}",
        patience=_PATIENCE_S,
        environment={"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    )
    return Running(server, {"authorization": f"Bearer {key}"})


def version() -> str:
    program = "import importlib.metadata; print(importlib.metadata.version('litellm'))"
    said = subprocess.run([_BIN / "python", "-c", program], capture_output=True, text=True, check=False)
    return said.stdout.strip()


LITELLM = Peer("litellm", "litellm --config config.yaml", _BIN / "litellm", version, begin)
