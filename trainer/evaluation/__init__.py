"""What a model is worth on a labelled file: figures, their intervals, baselines and the report."""
