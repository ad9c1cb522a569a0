#!/usr/bin/env bash
# Everything that docs/results.md shows, piece by piece: a call goes on where another stopped.
#
#   measurements/results.sh DATA FOLDER [weizmann jhmdb actions motion published ...]
#
# DATA holds jhmdb21/ and weizmann/, FOLDER gets stores and results. Hours each on two cores; JOBS=2 by default.
# `published` is PRISM as the papers have it, 16x112x112 and 5000 iterations, for whoever has a GPU: JOBS=1.
set -euo pipefail
data=$1 out=$2
shift 2
jobs=${JOBS:-2}

store() { # SOURCE NAME [OPTIONS]
    vidcondense prepare "$1" "$out/stores/$2" --frames 8 --size 64 "${@:3}"
}

grid() { # NAME [OPTIONS]: the common cells, and more
    vidcondense benchmark grid "$out/stores/$1" --out "$out/$1" --networks 1 --margin 2 --jobs "$jobs" "${@:2}" \
        --cell "random=--recipe random" --cell "DM=--recipe dm_small" --cell "PRISM=--recipe prism_small" \
        --cell "PRISM, detached and lowest=--recipe prism_small --set synthetic.interpolation_gradient=detached" \
        --cell "PRISM, through and all=--recipe prism_small --set insertion.select=all" \
        --cell "PRISM, two key frames=--recipe prism_small --set insertion.kind=none"
}

for name in "$@"; do
    case $name in
    weizmann | jhmdb)
        store "$data/${name/jhmdb/jhmdb21}" "$name"
        grid "$name" --splits 1 2 3 --seeds 0 1 2
        ;;
    actions | motion)
        per_class=$([ "$name" = actions ] && echo 40 || echo 60)
        vidcondense generate "$name" "$out/clips/$name" --train-per-class "$per_class" --test-per-class 100
        store "$out/clips/$name" "$name"
        grid "$name" --seeds 0 1 2 3 4 5 6 7 8
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
