#!/usr/bin/env bash
# Everything that docs/results.md shows, piece by piece: a call goes on where another stopped.
#
#   measurements/results.sh DATA FOLDER [weizmann jhmdb actions motion published ...]
#   measurements/results.sh DATA FOLDER [frontier-weizmann frontier-jhmdb frontier-actions frontier-motion ...]
#   measurements/results.sh DATA FOLDER [coded refined]    # on the store of frontier-actions
#
# DATA holds jhmdb21/ and weizmann/, FOLDER gets stores and results. An hour or two each on two cores; JOBS=2 by default.
# A frontier is accuracy against bytes of coded video; measurements/frontier/ gets its numbers, which README shows.
# `published` is PRISM as the papers have it, 16x112x112 and 5000 iterations, for whoever has a GPU: JOBS=1.
set -euo pipefail
data=$1 out=$2
shift 2
jobs=${JOBS:-2}

store() { # SOURCE NAME [OPTIONS]
    vidcondense prepare "$1" "$out/stores/$2" --frames 8 --size 64 "${@:3}"
}

clips() { # NAME TRAINING_CLIPS
    vidcondense generate "$1" "$out/clips/$1" --train-per-class "$2" --test-per-class 50
}

generated() { # NAME TRAINING_CLIPS
    clips "$@"
    store "$out/clips/$1" "$1"
}

grid() { # NAME CLIPS [OPTIONS]: the common cells, displaced ones of so many clips, and more
    vidcondense benchmark grid "$out/stores/$1" --out "$out/$1" --networks 1 --margin 2 --jobs "$jobs" \
        --cell "random=--recipe random" --cell "displaced, $2 clips=--recipe displaced --vpc $2" \
        --cell "DM=--recipe dm_small" --cell "PRISM=--recipe prism_small" "${@:3}"
}

frontier() { # NAME SOURCE SIZE STEPS BUDGETS... -- [OPTIONS]: clips of 8 frames, steps of every network
    local name=$1 source=$2 size=$3 steps=$4 budgets=()
    local store=$out/stores/$name-$size
    shift 4
    while [ "$1" != -- ]; do budgets+=("$1") && shift; done
    vidcondense prepare "$source" "$store" --frames 8 --size "$size"
    vidcondense benchmark bytes "$store" --out "$out/bytes-$name" --budgets "${budgets[@]}" --steps "$steps" \
        --methods ${METHODS:-real_clips random herding displaced} whole --against "Real clips, a stream each" \
        --network convnet3d --networks 1 --margin 2 --no-controls --jobs "$jobs" "${@:2}"
    cp "$out/bytes-$name/bytes.csv" "$(dirname "$0")/frontier/$name.csv"
}

# Both readings of the paper, beside that of prism_small: through and lowest.
readings=(
    --cell "PRISM, detached and lowest=--recipe prism_small --set synthetic.interpolation_gradient=detached"
    --cell "PRISM, through and all=--recipe prism_small --set insertion.select=all"
)
# Where motion goes: with all frames free, and with few; and another network and augmentation in matching.
motion=(
    --cell "DM, 40 iterations=--recipe dm_small --set iterations=40"
    --cell "two key frames, not learned=--recipe prism_small --set insertion.kind=none --set iterations=0"
    --cell "DM on convnet3d, siamese=--recipe dm_small --set network=convnet3d --set objective.augmentation=1"
)

# What the file gives back is what learning sees, and bits have a price.
seen="--set synthetic.coded_every=10 --set synthetic.rate_weight=3e-6"

for name in "$@"; do
    case $name in
    weizmann)
        store "$data/weizmann" weizmann
        grid weizmann 6 --splits 1 2 3 --seeds 0 1 2 "${readings[@]}"
        ;;
    jhmdb)
        store "$data/jhmdb21" jhmdb
        # One kind of network, to save time: a third of what both take.
        grid jhmdb 7 --splits 1 2 3 --seeds 0 1 2 --network convnet3d
        ;;
    actions)
        generated actions 40
        grid actions 7 --seeds 0 1 2 3 4 5 6 7 8
        ;;
    motion)
        generated motion 60
        grid motion 7 --seeds 0 1 2 3 4 5 6 7 8 "${motion[@]}"
        ;;
    frontier-jhmdb)
        METHODS=${METHODS:-real_clips random herding} frontier jhmdb "$data/jhmdb21" 64 180 16KB 64KB -- \
            --splits 1 2 3 --seeds 0 1 2
        ;;
    frontier-weizmann)
        METHODS=${METHODS:-real_clips random herding} frontier weizmann "$data/weizmann" 32 180 4KB 16KB -- \
            --splits 1 2 3 --seeds 0 1 2
        ;;
    frontier-actions)
        clips actions 40
        frontier actions "$out/clips/actions" 32 60 4KB 16KB 32KB 64KB -- --seeds 0 1 2 3 4 5 6 7 8
        ;;
    frontier-motion)
        clips motion 60
        frontier motion "$out/clips/motion" 32 180 16KB 32KB -- --seeds 0 1 2 3 4 5 6 7 8
        ;;
    coded)
        # The papers' method in a hundredth of its bytes and less: level within half a point?
        coded=(
            --cell "PRISM, float32=--recipe prism_small --set storage=float32"
            --cell "coded while it learns=--recipe prism_small --set storage=av1 --set quality=45 $seen"
            --cell "coded afterwards=--recipe prism_small --set storage=av1 --set quality=54"
            --cell "real clips, a 400th=--recipe herding --set storage=av1 --set budget=1769 --set synthetic.size=16"
        )
        vidcondense benchmark grid "$out/stores/actions-32" --out "$out/coded" "${coded[@]}" --against "PRISM, float32" \
            --network convnet3d --networks 4 --steps 60 --margin 0.5 --no-controls --seeds 0 1 2 3 4 5 6 7 8 9 --jobs "$jobs"
        ;;
    refined)
        # Real clips in 4 KB, and what learning makes of them: nothing here was tuned.
        kept="--vpc 4 --set storage=av1 --set budget=4000"
        loop="$kept --recipe dm_small --set synthetic.init=herding $seen"
        vidcondense benchmark grid "$out/stores/actions-32" --out "$out/refined" --against "herding" \
            --cell "herding=--recipe herding $kept" --cell "by 8 networks=--recipe herding --set coreset.networks=8 $kept" \
            --cell "then learned=$loop" --cell "then half of it learned=$loop --set synthetic.learned=0.5" \
            --network convnet3d --networks 1 --steps 60 --margin 2 --no-controls --seeds 0 1 2 3 4 5 6 7 8 --jobs "$jobs"
        ;;
    published)
        vidcondense prepare "$data/jhmdb21" "$out/stores/jhmdb16" --frames 16 --size 112
        vidcondense benchmark accuracy "$out/stores/jhmdb16" --out "$out/published" --recipes published --vpc 1 \
            --splits 1 2 3 --seeds 0 1 2 --margin 2 --jobs "$jobs" --methods random herding dm prism prism_cvpr whole
        ;;
    *)
        echo "unknown: $name" >&2
        exit 2
        ;;
    esac
done
