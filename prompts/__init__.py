"""The one prompt builder of stream, worker and trainer: what was trained on is, token by token, what is served."""
