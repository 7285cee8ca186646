# The trainer: runs one command and ends, so it has no health check.
# docker build -f deploy/trainer.Dockerfile -t sentistream-trainer:0.1.0 .
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY deploy/requirements.trainer.txt .
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --no-deps -r requirements.trainer.txt
COPY . .
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11.14-slim-bookworm
COPY --from=build /opt/venv /opt/venv
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/sentistream sentistream
USER 10001:10001
WORKDIR /var/lib/sentistream
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 LOG_FORMAT=json \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
STOPSIGNAL SIGTERM
ENTRYPOINT ["sentistream"]
CMD ["train-base", "--help"]
