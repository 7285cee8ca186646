#!/bin/sh
# All that `sentistream forget` needs in Kafka: what Redis names its windows by, and how long each topic keeps what it was given.
acl() { ${KAFKA_ACLS:-kafka-acls.sh --bootstrap-server localhost:9092} --add --allow-principal "User:${FORGET_USER:-forget}" "$@"; }

acl --operation Describe --topic "${TOPIC_PREFIX}chat.messages"
acl --operation DescribeConfigs --topic "${TOPIC_PREFIX}chat.messages"
acl --operation DescribeConfigs --topic "${TOPIC_PREFIX}sanm.requests"
acl --operation DescribeConfigs --topic "${TOPIC_PREFIX}emotion.events"
acl --operation DescribeConfigs --topic "${TOPIC_PREFIX}emotion.labels"
acl --operation DescribeConfigs --topic "${TOPIC_PREFIX}emotion.relabels"
acl --operation DescribeConfigs --topic "${TOPIC_PREFIX}dead.letters"
