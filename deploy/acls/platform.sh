#!/bin/sh
# All that a chat platform needs in Kafka: it writes messages.
acl() { ${KAFKA_ACLS:-kafka-acls.sh --bootstrap-server localhost:9092} --add --allow-principal "User:${PLATFORM_USER:-platform}" "$@"; }

acl --operation Write --topic "${TOPIC_PREFIX}chat.messages"
