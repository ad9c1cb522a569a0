"""Which files are worth opening, by their ending; any other file is taken for a note, not for a video."""

# fmt: off
VIDEO_SUFFIXES = frozenset([
    ".3g2", ".3gp", ".amv", ".apng", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".h264",
    ".h265", ".hevc", ".ivf", ".m1v", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4",
    ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob",
    ".webm", ".wmv", ".y4m",
])
# fmt: on

PICTURE_SUFFIXES = frozenset([".jpg", ".jpeg", ".png"])
