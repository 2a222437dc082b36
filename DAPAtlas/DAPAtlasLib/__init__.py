"""DAP Atlas: the partial knowledge of many experts merged into one map of 142 structures (thesis, section 3.1)."""
