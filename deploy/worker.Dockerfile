# The worker: prompts in, emotion events out, by vLLM on an NVIDIA GPU (the host needs the NVIDIA container toolkit).
# docker build -f deploy/worker.Dockerfile -t sentistream-worker:0.1.0 .
# For a machine without a GPU: --build-arg REQUIREMENTS=requirements.lock.txt
FROM python:3.11.14-slim-bookworm AS build
ARG REQUIREMENTS=deploy/requirements.worker.txt
WORKDIR /src
# The lock is complete, so nothing is resolved here; it changes seldom, so this layer, the large one, is kept.
COPY ${REQUIREMENTS} requirements.txt
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --no-deps -r requirements.txt
COPY . .
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11.14-slim-bookworm
# Triton compiles a launcher for its kernels at start; the CPU build of vLLM looks for libnuma.
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev libnuma1 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/venv /opt/venv
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/sentistream sentistream \
 && install -d -o 10001 -g 10001 /var/lib/sentistream/adapters /var/lib/sentistream/registry
USER 10001:10001
WORKDIR /var/lib/sentistream
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 LOG_FORMAT=json METRICS_HOST=0.0.0.0 METRICS_PORT=9102 \
    ADAPTERS_CACHE=/var/lib/sentistream/adapters \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
EXPOSE 9102
STOPSIGNAL SIGTERM
# /healthz fails when the poll loop has not gone round for too long. The engine takes minutes to start on a cold disk.
HEALTHCHECK --interval=10s --timeout=5s --start-period=300s --retries=3 \
  CMD ["python", "-m", "sentistream.probe", "9102"]
ENTRYPOINT ["sentistream"]
CMD ["worker"]
