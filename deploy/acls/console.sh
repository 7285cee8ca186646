#!/bin/sh
# All that `sentistream console` needs in Kafka, with the event store in it; docs/security.md says what each line is for.
acl() { ${KAFKA_ACLS:-kafka-acls.sh --bootstrap-server localhost:9092} --add --allow-principal "User:${CONSOLE_USER:-console}" "$@"; }

acl --operation Read --topic "${TOPIC_PREFIX}emotion.events"
acl --operation Read --topic "${TOPIC_PREFIX}emotion.labels"
acl --operation Write --topic "${TOPIC_PREFIX}emotion.labels"
acl --operation Read --topic "${TOPIC_PREFIX}dead.letters"
acl --operation Read --topic "${TOPIC_PREFIX}chat.messages"
acl --operation Write --topic "${TOPIC_PREFIX}chat.messages"
acl --operation Read --topic "${TOPIC_PREFIX}sanm.requests"
acl --operation Read --topic "${TOPIC_PREFIX}adapter.releases"
acl --operation Write --topic "${TOPIC_PREFIX}adapter.releases"
acl --operation Read --group "${STORE_GROUP:-sentistream-store}"
acl --operation Describe --group "${STREAMS_GROUP:-sentistream-streams}"
acl --operation Describe --group "${WORKER_GROUP:-sentistream-worker}"
acl --operation Describe --group sentistream-reader
acl --operation Describe --group sentistream-releases-reader
