# The faust stream: Kafka messages in, prompts out. No torch, no GPU.
# docker build -f deploy/streams.Dockerfile -t sentistream-streams:0.1.0 .
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
# The lock is complete, so nothing is resolved here; it changes seldom, so this layer is kept.
COPY deploy/requirements.streams.txt .
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --no-deps -r requirements.streams.txt
COPY . .
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11.14-slim-bookworm
COPY --from=build /opt/venv /opt/venv
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/sentistream sentistream
USER 10001:10001
WORKDIR /var/lib/sentistream
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 LOG_FORMAT=json STREAMS_HOST=0.0.0.0 STREAMS_PORT=9101
EXPOSE 9101
STOPSIGNAL SIGTERM
# /healthz fails when the poll loop has not gone round for too long, not only when the process is gone.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-m", "sentistream.probe", "9101"]
ENTRYPOINT ["sentistream"]
CMD ["streams"]
