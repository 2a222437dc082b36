"""Streaming sliding-window inference: any network, any number of classes, memory for a band of the image only."""
