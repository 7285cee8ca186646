#!/bin/sh
# All that `sentistream trainer run`, `serve` and `watch` need in Kafka; docs/security.md says how to run this, and what each line is for.
acl() { ${KAFKA_ACLS:-kafka-acls.sh --bootstrap-server localhost:9092} --add --allow-principal "User:${TRAINER_USER:-trainer}" "$@"; }

acl --operation Read --topic "${TOPIC_PREFIX}emotion.labels"
acl --operation Read --topic "${TOPIC_PREFIX}emotion.events"
acl --operation Read --topic "${TOPIC_PREFIX}chat.messages"
acl --operation Read --topic "${TOPIC_PREFIX}adapter.releases"
acl --operation Write --topic "${TOPIC_PREFIX}adapter.releases"
acl --operation Describe --group sentistream-trainer
acl --operation Describe --group sentistream-releases-reader
