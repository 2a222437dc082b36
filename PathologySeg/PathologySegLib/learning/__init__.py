"""Learning to find lesions with anatomy: cases, channels, arms, trainings and what they are worth; needs torch to train."""
