#!/bin/sh
# All that `sentistream worker` needs in Kafka; docs/security.md says how to run this, and what each line is for.
acl() { ${KAFKA_ACLS:-kafka-acls.sh --bootstrap-server localhost:9092} --add --allow-principal "User:${WORKER_USER:-worker}" "$@"; }

acl --operation Describe --topic "${TOPIC_PREFIX}chat.messages"
acl --operation Read --topic "${TOPIC_PREFIX}sanm.requests"
acl --operation Write --topic "${TOPIC_PREFIX}emotion.events"
acl --operation Read --topic "${TOPIC_PREFIX}emotion.events"
acl --operation Write --topic "${TOPIC_PREFIX}dead.letters"
acl --operation Read --topic "${TOPIC_PREFIX}adapter.releases"
acl --operation Describe --group sentistream-releases- --resource-pattern-type prefixed
acl --operation Read --group "${WORKER_GROUP:-sentistream-worker}"
acl --operation Write --transactional-id "${TOPIC_PREFIX}${WORKER_GROUP:-sentistream-worker}-" --resource-pattern-type prefixed
