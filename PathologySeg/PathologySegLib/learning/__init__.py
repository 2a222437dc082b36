"""Learning to find lesions with anatomy: cases, arms, trainings and their worth; needs torch to train."""
