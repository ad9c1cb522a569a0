"""A run that is shown, stopped after step 3 and gone on with; told in a process of its own by `main`.

python showing.py NAME FOLDER
"""

import json
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from vidcondense.tracking import Audience, Track

SETTINGS = {"recipe": {"name": "dm", "vpc": 1}}
FRAMES = np.arange(4 * 8 * 10 * 3, dtype=np.uint8).reshape(4, 8, 10, 3)
WANTED = [
    *((step, 10.0 - step) for step in range(6)),
]
"""Steps and losses that are to be seen in the end."""


def tell(track: Track, folder: Path) -> None:
    """Tell of a run of six steps in two goes, with a picture in each."""
    audience = Audience.of(track, folder, "walks", "condense")
    for first, last in ((0, 4), (4, 6)):
        with audience.follow(SETTINGS, first, show=True) as tracking:
            for step in range(first, last):
                tracking.metrics(step, {"loss": 10.0 - step, "key_frames": 6})
            tracking.clips(last, lambda: FRAMES)


def main(name: str, folder: Path) -> None:
    """As `tell`; prints as JSON who was asked for over the network, and which threads are left."""
    asked: list[str] = []

    def refuse(place: socket.socket, address: Any) -> None:
        if place.family in (socket.AF_INET, socket.AF_INET6):
            asked.append(str(address))
            raise ConnectionRefusedError("there is no network here")
        connect(place, address)

    def unknown(host: str, *args: object, **options: object) -> None:
        asked.append(host)
        raise socket.gaierror("there is no network here")

    connect, socket.socket.connect, socket.getaddrinfo = socket.socket.connect, refuse, unknown  # type: ignore[method-assign,assignment]
    tell(name, folder)
    left = [
        one.name for one in threading.enumerate() if not one.daemon and one is not threading.main_thread()
    ]
    print(json.dumps({"asked": asked, "left": left}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
