#!/bin/sh
# All that `sentistream replay --attach` and `sentistream chat --attach` need in Kafka.
acl() { ${KAFKA_ACLS:-kafka-acls.sh --bootstrap-server localhost:9092} --add --allow-principal "User:${REPLAY_USER:-replay}" "$@"; }

acl --operation Write --topic "${TOPIC_PREFIX}chat.messages"
acl --operation DescribeConfigs --topic "${TOPIC_PREFIX}chat.messages"
acl --operation Describe --topic "${TOPIC_PREFIX}sanm.requests"
acl --operation Read --topic "${TOPIC_PREFIX}emotion.events"
acl --operation Read --topic "${TOPIC_PREFIX}dead.letters"
acl --operation Describe --group sentistream-watcher
acl --operation Describe --group "${STREAMS_GROUP:-sentistream-streams}"
acl --operation Describe --group "${WORKER_GROUP:-sentistream-worker}"
