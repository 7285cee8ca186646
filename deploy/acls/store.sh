#!/bin/sh
# All that `sentistream store` needs in Kafka: it reads events and labels, and shows how far it is.
acl() { ${KAFKA_ACLS:-kafka-acls.sh --bootstrap-server localhost:9092} --add --allow-principal "User:${STORE_USER:-store}" "$@"; }

acl --operation Read --topic "${TOPIC_PREFIX}emotion.events"
acl --operation Read --topic "${TOPIC_PREFIX}emotion.labels"
acl --operation Read --group "${STORE_GROUP:-sentistream-store}"
