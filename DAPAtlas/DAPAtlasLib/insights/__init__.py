"""What a cohort of label maps says about anatomy: by age, by sex, by data set, by diagnosis (thesis, 3.1.6)."""
