"""Every message on every topic, the topics themselves, label taxonomies and the wire codec."""
