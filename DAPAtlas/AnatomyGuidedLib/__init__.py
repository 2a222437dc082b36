"""What all four modules share: grids, files, labels, worker processes, the MRML bridge, pictures, the command line."""

__version__ = "0.1.0"
