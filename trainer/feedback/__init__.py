"""What people say, as training data: read from the topics, checked, split, mixed."""
