#!/bin/sh
# All that a dashboard needs in Kafka: it reads events and dead letters, and writes what people correct.
acl() { ${KAFKA_ACLS:-kafka-acls.sh --bootstrap-server localhost:9092} --add --allow-principal "User:${READER_USER:-dashboard}" "$@"; }

acl --operation Read --topic "${TOPIC_PREFIX}emotion.events"
acl --operation Read --topic "${TOPIC_PREFIX}dead.letters"
acl --operation Write --topic "${TOPIC_PREFIX}emotion.labels"
acl --operation Read --group "${READER_GROUP:-dashboard}"
