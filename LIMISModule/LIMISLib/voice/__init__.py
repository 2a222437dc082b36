"""Speech to commands: recognisers, the grammar they listen with, microphones, read-back and spoken answers."""
