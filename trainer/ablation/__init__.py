"""What each part of the method is worth: one table for each question, one cell for each variant."""
