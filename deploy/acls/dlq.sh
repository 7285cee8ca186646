#!/bin/sh
# All that `sentistream dlq` needs in Kafka. `list` and `show` need the first and the last line alone.
acl() { ${KAFKA_ACLS:-kafka-acls.sh --bootstrap-server localhost:9092} --add --allow-principal "User:${DLQ_USER:-dlq}" "$@"; }

acl --operation Read --topic "${TOPIC_PREFIX}dead.letters"
acl --operation Read --topic "${TOPIC_PREFIX}chat.messages"
acl --operation Write --topic "${TOPIC_PREFIX}chat.messages"
acl --operation Describe --group sentistream-reader
