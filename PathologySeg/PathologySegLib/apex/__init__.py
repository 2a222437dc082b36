"""APEx: anatomy and pathology learned side by side by query decoders that exchange what they know (thesis, 4.1)."""
