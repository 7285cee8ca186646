"""The tables of the first version."""

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "adapter_counts",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("corrected", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "model", "adapter", "label", name=op.f("pk_adapter_counts")),
    )
    op.create_table(
        "alert_occurrences",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("occurrence_key", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=True),
        sa.Column("conversation_id", sa.String(), nullable=True),
        sa.Column("speaker", sa.String(), nullable=True),
        sa.Column("event_id", sa.String(), nullable=True),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_occurrences")),
        sa.UniqueConstraint("rule", "occurrence_key", name=op.f("uq_alert_occurrences_rule_occurrence_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alert_occurrences_tenant_conversation_id", "alert_occurrences", ["tenant", "conversation_id"])
    op.create_index("ix_alert_occurrences_tenant_id", "alert_occurrences", ["tenant", "id"])

    op.create_table(
        "alert_states",
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=True),
        sa.Column("conversation_id", sa.String(), nullable=True),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "key", name=op.f("pk_alert_states")),
    )
    op.create_index("ix_alert_states_tenant_conversation_id", "alert_states", ["tenant", "conversation_id"])
    op.create_index("ix_alert_states_updated_ms", "alert_states", ["updated_ms"])

    op.create_table(
        "buckets",
        sa.Column("width_s", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("start_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("outliers", sa.BigInteger(), nullable=False),
        sa.Column("unsupported", sa.BigInteger(), nullable=False),
        sa.Column("flips", sa.BigInteger(), nullable=False),
        sa.Column("corrected", sa.BigInteger(), nullable=False),
        sa.Column("negative", sa.BigInteger(), nullable=False),
        sa.Column("positive", sa.BigInteger(), nullable=False),
        sa.Column("confident", sa.BigInteger(), nullable=False),
        sa.Column("confidence_sum", sa.Float(), nullable=False),
        sa.Column("latency_sum_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("width_s", "start_ms", "tenant", "language", "label", name=op.f("pk_buckets")),
    )
    op.create_index("ix_buckets_tenant_width_s_start_ms", "buckets", ["tenant", "width_s", "start_ms"])

    op.create_table(
        "conversations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_speaker", sa.String(), nullable=False),
        sa.Column("last_label", sa.String(), nullable=True),
        sa.Column("last_sentiment", sa.String(), nullable=True),
        sa.Column("turns", sa.BigInteger(), nullable=False),
        sa.Column("outliers", sa.BigInteger(), nullable=False),
        sa.Column("flips", sa.BigInteger(), nullable=False),
        sa.Column("corrected", sa.BigInteger(), nullable=False),
        sa.Column("negative", sa.BigInteger(), nullable=False),
        sa.Column("positive", sa.BigInteger(), nullable=False),
        sa.Column("recent_negative", sa.Float(), nullable=False),
        sa.Column("usual_negative", sa.Float(), nullable=False),
        sa.Column("rising", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint("tenant", "conversation_id", name=op.f("uq_conversations_tenant_conversation_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_conversations_last_ms_id", "conversations", ["last_ms", "id"])
    op.create_index("ix_conversations_rising_id", "conversations", ["rising", "id"])
    op.create_index("ix_conversations_tenant_last_ms_id", "conversations", ["tenant", "last_ms", "id"])
    op.create_index("ix_conversations_tenant_rising_id", "conversations", ["tenant", "rising", "id"])

    op.create_table(
        "current_labels",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("labelled_by", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=True),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("labelled_ms", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "labelled_by", name=op.f("pk_current_labels")),
    )
    op.create_index("ix_current_labels_tenant_labelled_ms", "current_labels", ["tenant", "labelled_ms"])

    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("speaker", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("taxonomy", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("sentiment", sa.String(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("current_label", sa.String(), nullable=True),
        sa.Column("current_sentiment", sa.String(), nullable=True),
        sa.Column("valence", sa.Float(), nullable=True),
        sa.Column("label_count", sa.BigInteger(), nullable=False),
        sa.Column("corrected", sa.Boolean(), nullable=False),
        sa.Column("first_label", sa.String(), nullable=True),
        sa.Column("flip", sa.Boolean(), nullable=False),
        sa.Column("review_order", sa.Float(), nullable=True),
        sa.Column("degraded", sa.Boolean(), nullable=False),
        sa.Column("replay", sa.Boolean(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("adapter", sa.String(), nullable=True),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_ms", sa.BigInteger(), nullable=False),
        sa.Column("stored_ms", sa.BigInteger(), nullable=False),
        sa.Column("latency_ms", sa.BigInteger(), nullable=False),
        sa.Column("model_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("event_id", name=op.f("uq_events_event_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_current_label_sent_ms_id", "events", ["current_label", "sent_ms", "id"])
    op.create_index("ix_events_current_sentiment_sent_ms_id", "events", ["current_sentiment", "sent_ms", "id"])
    op.create_index("ix_events_label_count_review_order_id", "events", ["label_count", "review_order", "id"])
    op.create_index("ix_events_language_sent_ms_id", "events", ["language", "sent_ms", "id"])
    op.create_index("ix_events_sent_ms_id", "events", ["sent_ms", "id"])
    op.create_index("ix_events_status_sent_ms_id", "events", ["status", "sent_ms", "id"])
    op.create_index("ix_events_tenant_conversation_id_id", "events", ["tenant", "conversation_id", "id"])
    op.create_index(
        "ix_events_tenant_label_count_review_order_id", "events", ["tenant", "label_count", "review_order", "id"]
    )
    op.create_index("ix_events_tenant_sent_ms_id", "events", ["tenant", "sent_ms", "id"])

    op.create_table(
        "forgotten",
        sa.Column("conversation_hash", sa.String(), nullable=False),
        sa.Column("forgotten_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_hash", name=op.f("pk_forgotten")),
    )
    op.create_index("ix_forgotten_forgotten_ms", "forgotten", ["forgotten_ms"])

    op.create_table(
        "label_records",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=True),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("taxonomy", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("labelled_by", sa.String(), nullable=False),
        sa.Column("labelled_ms", sa.BigInteger(), nullable=False),
        sa.Column("model_label", sa.String(), nullable=True),
        sa.Column("adapter", sa.String(), nullable=True),
        sa.Column("topic_id", sa.String(), nullable=False),
        sa.Column("partition", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_records")),
        sa.UniqueConstraint("topic_id", "partition", "offset", name=op.f("uq_label_records_topic_id_partition_offset")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_label_records_conversation_id", "label_records", ["conversation_id"])
    op.create_index("ix_label_records_event_id", "label_records", ["event_id"])
    op.create_index("ix_label_records_labelled_by_id", "label_records", ["labelled_by", "id"])
    op.create_index("ix_label_records_tenant_id", "label_records", ["tenant", "id"])

    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "progress",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("topic_id", sa.String(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("record_ms", sa.BigInteger(), nullable=True),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_progress")),
    )
    op.create_table(
        "event_details",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scores", sa.JSON(), nullable=False),
        sa.Column("candidates", sa.JSON(), nullable=False),
        sa.Column("rounds", sa.JSON(), nullable=False),
        sa.Column("deduction", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("usage", sa.JSON(), nullable=False),
        sa.Column("prompt_hash", sa.String(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("requested_ms", sa.BigInteger(), nullable=False),
        sa.Column("taken_ms", sa.BigInteger(), nullable=False),
        sa.Column("source_topic_id", sa.String(), nullable=False),
        sa.Column("source_partition", sa.BigInteger(), nullable=False),
        sa.Column("source_offset", sa.BigInteger(), nullable=False),
        sa.Column("record_topic_id", sa.String(), nullable=False),
        sa.Column("record_partition", sa.BigInteger(), nullable=False),
        sa.Column("record_offset", sa.BigInteger(), nullable=False),
        sa.Column("traceparent", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["events.id"], name=op.f("fk_event_details_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_details")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("occurrence_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("webhook", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["occurrence_id"],
            ["alert_occurrences.id"],
            name=op.f("fk_webhook_deliveries_occurrence_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint("occurrence_id", "webhook", name=op.f("uq_webhook_deliveries_occurrence_id_webhook")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_webhook_deliveries_state_next_ms", "webhook_deliveries", ["state", "next_ms"])


def downgrade() -> None:
    """Take it back."""
    for table in (
        "webhook_deliveries",
        "event_details",
        "adapter_counts",
        "alert_occurrences",
        "alert_states",
        "buckets",
        "conversations",
        "current_labels",
        "events",
        "forgotten",
        "label_records",
        "leases",
        "progress",
    ):
        op.drop_table(table)
