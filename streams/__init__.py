"""The stream: from chat messages to requests, with each conversation's window in Redis, and nothing lost on the way."""
