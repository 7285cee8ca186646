#!/bin/sh
# All that `sentistream relabel` needs in Kafka. With --topic put that name in the place of emotion.relabels.
acl() { ${KAFKA_ACLS:-kafka-acls.sh --bootstrap-server localhost:9092} --add --allow-principal "User:${RELABEL_USER:-relabel}" "$@"; }

acl --operation Read --topic "${TOPIC_PREFIX}chat.messages"
acl --operation DescribeConfigs --topic "${TOPIC_PREFIX}chat.messages"
acl --operation Read --topic "${TOPIC_PREFIX}emotion.events"
acl --operation Create --topic "${TOPIC_PREFIX}emotion.relabels"
acl --operation DescribeConfigs --topic "${TOPIC_PREFIX}emotion.relabels"
acl --operation Read --topic "${TOPIC_PREFIX}emotion.relabels"
acl --operation Write --topic "${TOPIC_PREFIX}emotion.relabels"
acl --operation Write --transactional-id "sentistream-writer-${TOPIC_PREFIX}emotion.relabels"
acl --operation Describe --group sentistream-trainer
