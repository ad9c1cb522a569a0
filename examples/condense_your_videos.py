"""From a folder of videos to a report, beside random selection of real clips.

python examples/condense_your_videos.py VIDEOS OUT

VIDEOS holds one folder per class (docs/data.md has the other layouts). After an interruption run it again:
every step finishes what is missing, and is passed over when it is done.
"""

import sys
from pathlib import Path

from vidcondense import condense, evaluate, load_recipe, prepare, write_report


def main(
    videos: Path,
    out: Path,
    recipes: tuple[str, ...] = ("prism_small", "random"),
    networks: int = 2,
    frames: int = 8,
    size: int = 64,
) -> Path:
    """Prepare, condense with each recipe, evaluate, report; returns the path of the report."""
    store = prepare(videos, out / "store", frames=frames, stride=4, size=size)
    runs = [out / name for name in recipes]
    for name, run in zip(recipes, runs, strict=True):
        condensed = condense(store, load_recipe(name, vpc=1), run)  # vpc: synthetic videos per class
        result_file = run / "evaluations" / "strong.json"
        result = evaluate(condensed, store, out=result_file, networks_count=networks)
        mean, deviation = result.top1
        print(f"{name}: top-1 {100 * mean:.1f} ± {100 * deviation:.1f} %, {condensed.stored_mib:.2f} MiB")
    return write_report(runs, out / "report.html")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(main(Path(sys.argv[1]), Path(sys.argv[2])))
