"""GRASP: a lesion network whose deepest features meet those of a frozen anatomy network (thesis, 4.2); needs torch."""
