"""Segmenters with weights or on a server; what each can do, and how the command line names them."""
