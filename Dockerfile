# syntax=docker/dockerfile:1
# The gateway in a slim image, as a user without rights. `make image` builds it.

ARG PYTHON=3.13
ARG RUST=1.95

# --- the wheel: same distribution as below, so the same glibc -----------------------------------------------------
FROM rust:${RUST}-slim-bookworm AS wheel
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements/build.lock requirements/
RUN python3 -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements/build.lock
COPY Cargo.toml Cargo.lock pyproject.toml README.md LICENSE ./
COPY rust rust
COPY python python
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    /opt/build/bin/maturin build --profile dist --locked --auditwheel skip --interpreter python3 --out /wheels

# --- the environment: locked dependencies first, so that a change of the sources leaves this layer alone ----------
FROM python:${PYTHON}-slim-bookworm AS environment
COPY requirements/base.lock /requirements/
RUN python -m venv /opt/ferrogate \
 && /opt/ferrogate/bin/pip install --no-cache-dir --require-hashes --no-deps -r /requirements/base.lock
COPY --from=wheel /wheels /wheels
RUN /opt/ferrogate/bin/pip install --no-cache-dir --no-index --no-deps /wheels/*.whl

# --- what runs ----------------------------------------------------------------------------------------------------
FROM python:${PYTHON}-slim-bookworm
LABEL org.opencontainers.image.title="ferrogate" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=environment /opt/ferrogate /opt/ferrogate
COPY docker/entrypoint /usr/local/bin/entrypoint
ENV PATH=/opt/ferrogate/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GATEWAY_DATA=/app/data
RUN mkdir -p /app/data && chown 10001:10001 /app/data
WORKDIR /app
USER 10001:10001
VOLUME /app/data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('GATEWAY_PORT') or 8080}/readyz\", timeout=2)"]
ENTRYPOINT ["/usr/local/bin/entrypoint"]
CMD ["gateway", "serve", "--host", "0.0.0.0"]
