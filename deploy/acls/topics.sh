#!/bin/sh
# All that `sentistream topics create` needs in Kafka.
acl() { ${KAFKA_ACLS:-kafka-acls.sh --bootstrap-server localhost:9092} --add --allow-principal "User:${TOPICS_USER:-topics}" "$@"; }

for topic in chat.messages sanm.requests emotion.events emotion.labels adapter.releases dead.letters; do
  acl --operation Create --topic "${TOPIC_PREFIX}$topic"
  acl --operation Describe --topic "${TOPIC_PREFIX}$topic"
  acl --operation DescribeConfigs --topic "${TOPIC_PREFIX}$topic"
done
