# The console: the page, the API and the event store's consumer. No torch, no GPU.
# docker build -f deploy/console.Dockerfile -t sentistream-console:0.1.0 .
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY deploy/requirements.console.txt .
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --no-deps -r requirements.console.txt
COPY . .
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11.14-slim-bookworm
COPY --from=build /opt/venv /opt/venv
# The folders are there so that an empty volume takes their owner.
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/sentistream sentistream \
 && install --directory --owner=10001 --group=10001 /var/lib/sentistream/store /var/lib/sentistream/registry
USER 10001:10001
WORKDIR /var/lib/sentistream
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 LOG_FORMAT=json CONSOLE_HOST=0.0.0.0 CONSOLE_PORT=8080 \
    STORE_METRICS_HOST=0.0.0.0 STORE_METRICS_PORT=9105 STORE_DATABASE=/var/lib/sentistream/store/events.db
EXPOSE 8080 9105
STOPSIGNAL SIGTERM
# /healthz of the store fails when its consumer has not gone round for too long.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-m", "sentistream.probe", "9105"]
ENTRYPOINT ["sentistream"]
CMD ["console"]
