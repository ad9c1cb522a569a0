"""Each dataset's own layout in miniature, of empty files where nothing is decoded."""

import json

from media import clip, write_pictures, write_tar, write_video
from sources import touch, write


def ucf(root, classes=("Archery", "YoYo"), splits=(1, 2), folder="UCF-101"):
    """Three videos per class; the one whose number is the split's is for testing."""
    lists = root / "ucfTrainTestlist"
    write(lists / "classInd.txt", "".join(f"{label} {name}\n" for label, name in enumerate(classes, start=1)))
    names = {name: [f"{name}/v_{name}_g0{number}_c01.avi" for number in (1, 2, 3)] for name in classes}
    touch(root / folder, *[video for videos in names.values() for video in videos])
    for split in splits:
        train = [f"{v} {n}" for n, c in enumerate(classes, 1) for v in names[c] if f"g0{split}" not in v]
        test = [video for name in classes for video in names[name] if f"g0{split}" in video]
        write(lists / f"trainlist{split:02d}.txt", "\r\n".join(train) + "\r\n")
        write(lists / f"testlist{split:02d}.txt", "\n".join(test) + "\n")
    return root


def hmdb(root):
    touch(root, *[f"{name}/{stem}.avi" for name in ("eat", "run") for stem in "abc"])
    for name in ("eat", "run"):
        write(root / f"{name}_test_split1.txt", "a.avi 1\nb.avi 2\nc.avi 0\n")
        write(root / f"{name}_test_split2.txt", "a.avi 2\nb.avi 0\nc.avi 1\n")
    return root


HEADER = "label,youtube_id,time_start,time_end,split,is_cc\n"


def kinetics(root, flat=False):
    """Two classes, two training, one validation and one test video of each; ids with - and _ in them."""
    for split, ids in (("train", ("-a", "_b")), ("val", ("c-_",)), ("test", ("d",))):
        rows = []
        for number, label in enumerate(("air drumming", "massaging person's head")):
            for name in ids:
                clip_name = f"{name}{number}_000007_000017.mp4"
                touch(root, f"{split}/{clip_name}" if flat else f"{split}/{label}/{clip_name}")
                rows.append(f"{label},{name}{number},7,17,{split},0\n")
        write(root / "annotations" / f"{split}.csv", HEADER + "".join(rows))
    return root


def something(root, prefix="something-something-v2-", suffix=".webm"):
    labels = {"Holding something next to something": "0", "Turning the camera left": "1"}
    templates = ["Holding [something] next to [something]", "Turning the camera left"]
    write(root / "labels" / f"{prefix}labels.json", json.dumps(labels))
    number = 0
    for split, count in (("train", 2), ("validation", 1), ("test", 1)):
        entries = []
        for template in templates:
            for _ in range(count):
                number += 1
                touch(root, f"20bn-something-something-v2/{number}{suffix}")
                entry = {
                    "id": str(number),
                    "label": "holding pen",
                    "template": template,
                    "placeholders": ["pen"],
                }
                entries.append({"id": str(number)} if split == "test" else entry)
        write(root / "labels" / f"{prefix}{split}.json", json.dumps(entries, indent=1))
    return root


def frames(root, *videos):
    for number, video in enumerate(videos):
        write_pictures(root / video, clip(4 + number, number), "{}.png")
    return root


def shard(path, *samples):
    """A tar of (key, label ending, label) with a touch of a video each."""
    members = {}
    for key, ending, label in samples:
        members[f"{key}.mp4"] = b"video"
        if ending:
            members[f"{key}.{ending}"] = (
                label.encode() if isinstance(label, str) else json.dumps(label).encode()
            )
    return write_tar(path, members)


def fill(root):
    """Replace the empty files of a miniature by videos."""
    for number, path in enumerate(sorted(root.rglob("*"))):
        if path.suffix in (".avi", ".mp4", ".webm"):
            write_video(path, clip(5 + number % 4, number))
    return root


def tars_of_videos(root):
    for split, count in (("train", 2), ("val", 1)):
        members = {}
        for number in range(2 * count):
            video = write_video(root / "x.webm", clip(5 + number, number + 50 * count))
            members |= {f"{number}.webm": video.read_bytes(), f"{number}.cls": str(number % 2).encode()}
            video.unlink()
        write_tar(root / f"{split}.tar", members)
    return root
