"""Studies of what the metrics show and what they hide (thesis, 5.1.4, 5.1.5.1 and appendix E.1.1)."""
