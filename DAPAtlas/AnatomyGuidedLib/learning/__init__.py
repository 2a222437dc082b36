"""Training in plain torch: a loss for many classes, and a loop that resumes."""
