"""The console: what people see of the stream, correct in it and are warned of."""
