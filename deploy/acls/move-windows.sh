#!/bin/sh
# All that `sentistream topics move-windows` needs in Kafka: whether the streams are at rest. What it moves stands in Redis.
acl() { ${KAFKA_ACLS:-kafka-acls.sh --bootstrap-server localhost:9092} --add --allow-principal "User:${MOVE_WINDOWS_USER:-move-windows}" "$@"; }

acl --operation Describe --topic "${TOPIC_PREFIX}chat.messages"
acl --operation Describe --group "${STREAMS_GROUP:-sentistream-streams}"
