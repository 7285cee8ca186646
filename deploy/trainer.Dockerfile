# The trainer: `trainer run` ends by itself, so the image has no health check; docker-compose.yml has one for `serve`.
# docker build -f deploy/trainer.Dockerfile -t sentistream-trainer:0.1.0 \
#   --build-arg SENTISTREAM_REVISION=$(git describe --always --dirty=.dirty --exclude='*') .
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY deploy/requirements.trainer.txt .
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --no-deps -r requirements.trainer.txt
COPY . .
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11.14-slim-bookworm
COPY --from=build /opt/venv /opt/venv
# The two folders are there so that empty volumes take their owner.
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/sentistream sentistream \
 && install --directory --owner=10001 --group=10001 /var/lib/sentistream/trainer /var/lib/sentistream/registry
USER 10001:10001
WORKDIR /var/lib/sentistream
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 LOG_FORMAT=json \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
# For the metadata of adapters: the image has no repository to ask. Last, so that no layer is made anew for it.
ARG SENTISTREAM_REVISION=""
ENV SENTISTREAM_REVISION=$SENTISTREAM_REVISION
STOPSIGNAL SIGTERM
ENTRYPOINT ["sentistream"]
CMD ["trainer", "run", "--json"]
