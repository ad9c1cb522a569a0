"""Frames as a video stream: colours and AV1, each exact when read."""
