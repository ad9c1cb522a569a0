"""miniUCF: 50 classes of UCF101 under its first split (Wang et al., 2024), from the official UCF101 folder.

Wang et al. call these the 50 most common categories; they are not the largest classes, so that they are
listed here. Never found by looking, since the folder is that of UCF101.
"""

from dataclasses import replace

from vidcondense.base.errors import VidcondenseError
from vidcondense.data.layouts import ucf101
from vidcondense.data.layouts.listing import Listing
from vidcondense.data.layouts.tree import Folder

SPLIT = "1"

# fmt: off
CLASSES = (
    "ApplyEyeMakeup", "BalanceBeam", "BandMarching", "BaseballPitch", "Basketball",
    "BasketballDunk", "Biking", "Billiards", "BlowingCandles", "Bowling", "BreastStroke",
    "CleanAndJerk", "CliffDiving", "CricketShot", "Diving", "FloorGymnastics", "FrisbeeCatch",
    "GolfSwing", "HammerThrow", "HighJump", "HorseRace", "HorseRiding", "HulaHoop", "IceDancing",
    "JumpingJack", "Knitting", "MilitaryParade", "Mixing", "ParallelBars", "PlayingPiano",
    "PlayingViolin", "PoleVault", "PommelHorse", "Punch", "Rafting", "Rowing", "SkateBoarding",
    "Skiing", "Skijet", "SkyDiving", "SoccerPenalty", "StillRings", "SumoWrestling", "Surfing",
    "Swing", "TennisSwing", "TrampolineJumping", "UnevenBars", "VolleyballSpiking",
    "WritingOnBoard",
)
# fmt: on


def find(source: Folder, test_fraction: float) -> Listing:
    """List the videos of the 50 classes; `test_fraction` plays no part here.

    Raises:
        VidcondenseError: as for UCF101, or the lists lack split 1 or one of the classes.
    """
    whole = ucf101.find_splits(source, only=(SPLIT,))
    if whole.split_names != (SPLIT,):
        raise VidcondenseError(
            f"{source.disk} has no trainlist01.txt: miniucf is defined on split 1 of UCF101"
        )
    videos = [video for video in whole.videos if video.class_name in CLASSES]
    missing = [video for video in whole.missing if video.class_name in CLASSES]
    listed = {video.class_name for video in videos} | {video.class_name for video in missing}
    absent = [class_name for class_name in CLASSES if class_name not in listed]
    if absent:
        more = f" (nor {len(absent) - 1} others of its 50)" if len(absent) > 1 else ""
        raise VidcondenseError(
            f"the lists in {source.disk} do not have miniUCF's class '{absent[0]}'{more}; use --layout ucf101"
        )
    return replace(whole, videos=videos, missing=tuple(missing))
