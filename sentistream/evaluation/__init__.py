"""`sentistream evaluate`: asking a model, by any engine, all messages of a labelled file."""
