"""The forms of `anatomyguided limis`: a session, its replay, meanings of sentences, what was heard, a study."""
