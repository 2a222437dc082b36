"""A data set of label maps as the thesis builds one (3.1): CTs selected, labelled, filtered, described, reviewed."""
