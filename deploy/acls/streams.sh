#!/bin/sh
# All that `sentistream streams` needs in Kafka; docs/security.md says how to run this, and what each line is for.
acl() { ${KAFKA_ACLS:-kafka-acls.sh --bootstrap-server localhost:9092} --add --allow-principal "User:${STREAMS_USER:-streams}" "$@"; }

acl --operation Read --topic "${TOPIC_PREFIX}chat.messages"
acl --operation DescribeConfigs --topic "${TOPIC_PREFIX}chat.messages"
acl --operation Write --topic "${TOPIC_PREFIX}sanm.requests"
acl --operation Describe --topic "${TOPIC_PREFIX}emotion.events"
acl --operation Read --group "${STREAMS_GROUP:-sentistream-streams}"
