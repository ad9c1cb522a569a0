"""Read a condensed file of any kind with NumPy and safetensors alone, without vidcondense (docs/format.md).

python examples/read_condensed.py [condensed.safetensors]

Ends with the arrays `clips`, `labels` and `pixels`. Coded video needs PyAV beside them.
"""

import json
import lzma
import math
import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load

LZMA2 = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 0, "lp": 0, "pb": 0}]
KNOWN = {
    "format_version": [1, 2, 3, 4],
    "representation": ["key_frames", "static_dynamic", "displaced"],
    "storage": ["float32", "float16", "uint8", "av1"],
    "interpolation": ["linear", "nearest", "smooth"],
}
USUAL = {"representation": "key_frames", "storage": "float32", "interpolation": "linear", "segments": [0]}

FILE = sys.argv[1] if len(sys.argv) > 1 else "condensed.safetensors"

with safe_open(FILE, framework="np") as file:
    said = (file.metadata() or {}).get("vidcondense", '{"format_version": "not there"}')
    header = USUAL | json.loads(said)
    tensors = {name: file.get_tensor(name) for name in file.keys()}
if "numbers" in tensors:  # beside coded video
    tensors |= load(lzma.decompress(tensors["numbers"].tobytes(), lzma.FORMAT_RAW, filters=LZMA2))
for field, known in KNOWN.items():
    if header[field] not in known:
        raise SystemExit(f"{field} is {header[field]!r}, of which this script knows only {known}")
T, starts = header["frames"], header["segments"]
if starts != sorted({0, *starts}) or starts[-1] >= T:
    raise SystemExit(f"segments are {starts}; they have to ascend from 0 and stay below {T}")


def doubled(plane):  # twice the rows and columns of chroma, bilinear, times 16
    for axis in (0, 1):
        at = np.arange(plane.shape[axis])
        beside = [np.take(plane, np.clip(at + step, 0, at[-1]), axis) for step in (-1, 1)]
        pairs = np.stack([3 * plane + one for one in beside], axis + 1)
        plane = pairs.reshape(*plane.shape[:axis], -1, *plane.shape[axis + 1 :])
    return plane


def video(name):  # frames that are AV1 streams one after another, of several videos side by side in each
    import av  # PyAV

    decoder = av.CodecContext.create("libdav1d", "r")
    data = av.Packet(tensors[name].tobytes()), None
    pictures = (frame.planes for packet in data for frame in decoder.decode(packet))
    shape, rows = header["shapes"][name], tensors[name + "_frames"]
    held = tensors.get(name + "_videos", np.ones(len(tensors[name + "_lengths"]), np.int64))
    places, first, made = tensors.get(name + "_places", np.arange(len(rows))), 0, [[] for _ in rows]
    for count, (low, high) in zip(held.tolist(), tensors[name + "_ranges"].astype(np.float64)):
        inside, columns = np.flatnonzero((places >= first) & (places < first + count)), math.ceil(count**0.5)
        for _ in range(rows[inside[0]]):
            planes = next(pictures)
            planes = [
                np.frombuffer(p, np.uint8).reshape(-1, p.line_size)[: p.height, : p.width] for p in planes
            ]
            for one in inside:
                down, right = divmod(int(places[one]) - first, columns)
                sides = [[(n + n % 2) // part for n in shape[-2:]] for part in (1, 2, 2)]
                tile = [
                    p[down * h : (down + 1) * h, right * w : (right + 1) * w]
                    for p, (h, w) in zip(planes, sides)
                ]
                made[one].append(low + colours(tile, shape) * (high - low) / 255)
        first += count
    mean, std = (
        np.reshape(header[each], (3, 1, 1)) if shape[-3] == 3 else at
        for each, at in (("mean", 0), ("std", 1))
    )
    return (
        ((np.stack([frame for frames in made for frame in frames]) - mean) / std)
        .astype(np.float32)
        .reshape(shape)
    )


def colours(planes, shape):  # (channel, height, width), 0 to 255, of luma and chroma of half the size
    y, blue, red = (plane.astype(np.int64) for plane in planes)
    levels = y[..., None]  # one channel is luma alone
    if shape[-3] == 3:
        light, blue, red = (y << 20) + (1 << 19), doubled(blue) - 2048, doubled(red) - 2048
        made = light + 91881 * red, light - 22554 * blue - 46802 * red, light + 116130 * blue
        levels = np.clip(np.stack([colour >> 20 for colour in made], -1), 0, 255)
    return levels[: shape[-2], : shape[-1]].transpose(2, 0, 1)


def small(name):  # frames too small for a stream: cosine coefficients over time, rows and columns
    halves = np.frombuffer(lzma.decompress(tensors[name].tobytes(), lzma.FORMAT_RAW, filters=LZMA2), np.uint8)
    shape, rows = header["shapes"][name], tensors[name + "_frames"].astype(np.int64)
    inside = np.reshape(np.empty(shape), (shape[0], -1, *shape[-2:]))
    place, channel, y, x = np.indices(inside.shape)
    time = (np.arange(shape[0]) - np.repeat(np.cumsum(rows) - rows, rows))[place]
    inside.ravel()[np.lexsort([one.ravel() for one in (place - time, channel, y, y + x, time)])] = (
        halves.reshape(2, -1).T.copy().view("<i2")[:, 0]
    )
    made = []
    for values in np.split(inside, np.cumsum(rows)[:-1]):
        for axis in (0, 2, 3):
            n = values.shape[axis]
            waves = np.cos(np.pi * np.outer((np.arange(n) + 0.5) / n, np.arange(n))) * np.sqrt(2 / n)
            waves[:, 0] /= np.sqrt(2)
            values = np.moveaxis(np.tensordot(np.rint(waves * 2**14) / 2**14, values, (1, axis)), 0, axis)
        made.append(values)
    return (np.concatenate(made) * tensors[name + "_step"]).astype(np.float32).reshape(shape)


def frames(name):  # a tensor of frames as float32, however it is stored
    if header["storage"] == "av1":
        return small(name) if name + "_step" in tensors else video(name)
    if tensors[name].dtype != header["storage"]:
        raise SystemExit(f"{name} is {tensors[name].dtype}, but storage {header['storage']}")
    if header["storage"] != "uint8":
        return tensors[name].astype(np.float32)
    scale, offset = (tensors[name + end][..., None, None, None] for end in ("_scale", "_offset"))
    return tensors[name] * scale + offset


def weights(times, at):  # of the key frames at times `at`, for each time: (time, key frame)
    times, unit = np.clip(times, at[0], at[-1]), np.eye(len(at))
    if header["interpolation"] == "nearest":
        return unit[np.abs(times[:, None] - at).argmin(1)]
    linear = np.stack([np.interp(times, at, row) for row in unit], axis=1)
    if header["interpolation"] == "linear" or len(at) < 3:
        return linear
    slope = np.gradient(unit, at, axis=0)
    i = np.clip(np.searchsorted(at, times, side="right") - 1, 0, len(at) - 2)
    gap, step = np.diff(at)[i, None], unit[i + 1] - unit[i]
    u = (times - at[i])[:, None] / gap
    return linear + u * (1 - u) * ((1 - u) * (gap * slope[i] - step) + u * (step - gap * slope[i + 1]))


def bilinear(values, y, x):  # of (..., height, width) at places (row, column); beyond the edges those there
    rows, columns = values.shape[-2:]
    y, x = np.clip(y, 0, rows - 1), np.clip(x, 0, columns - 1)
    i, j = np.minimum(y.astype(int), rows - 2), np.minimum(x.astype(int), columns - 2)
    upper, lower = ((1 - x + j) * values[..., k, j] + (x - j) * values[..., k, j + 1] for k in (i, i + 1))
    return (1 - y + i) * upper + (y - i) * lower


for name in {"labels", "positions", "counts"} & tensors.keys():
    tensors[name] = tensors[name].astype(np.int64)
labels, clips = tensors["labels"], []
if header["representation"] == "key_frames":
    keys, positions, counts = frames("key_frames"), tensors["positions"], tensors["counts"]
    for end, count in zip(np.cumsum(counts), counts):
        at, mine, parts = positions[end - count : end], keys[end - count : end], []
        for first, stop in zip(starts, [*starts[1:], T]):
            inside = (at >= first) & (at < stop)
            parts.append(np.tensordot(weights(np.arange(first, stop), at[inside]), mine[inside], axes=1))
        clips.append(np.concatenate(parts))  # (T, 3, height, width)
elif header["representation"] == "displaced":
    keys, positions, counts = frames("key_frames"), tensors["positions"], tensors["counts"]
    fields = iter(frames("fields"))
    y, x = np.indices(keys.shape[2:])
    for end, count in zip(np.cumsum(counts), counts):
        at, mine = positions[end - count : end], keys[end - count : end]
        shares = weights(np.arange(T), at)
        clip = np.tensordot(shares, mine, axes=1)  # (T, 3, height, width)
        for t in sorted({*range(T)} - {*at.tolist()}):
            clip[t] = 0
            for key in np.flatnonzero(shares[t]):
                field = next(fields)
                place = [p / max(n - 1, 1) * (m - 1) for p, n, m in zip((y, x), y.shape, field.shape[1:])]
                right, down = bilinear(field, *place)
                moved = bilinear(mine[key], y + down * y.shape[0], x + right * y.shape[1])
                clip[t] += shares[t, key] * moved
        clips.append(clip)
else:  # static and dynamic memories
    static, dynamic, weight = frames("static"), frames("dynamic"), tensors["hallucinator_weight"]
    for clip in range(len(labels)):
        image = np.repeat(static[None, clip // 2], T, axis=0)
        joined = np.concatenate([image, dynamic[2 * (clip // 4) + clip % 2]], axis=1)  # (T, 4, height, width)
        padded = np.pad(joined, ((1, 1), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3, 3), axis=(0, 2, 3))
        made = np.einsum("tiyxabc,oiabc->toyx", windows, weight, optimize=True)
        clips.append(made + tensors["hallucinator_bias"][:, None, None])
for axis, shown in zip((-2, -1), header.get("shown", ())):  # frames are stored smaller: bicubic enlargement
    n = clips[0].shape[axis]
    place = (np.arange(shown) + 0.5) * n / shown - 0.5
    taps = np.floor(place).astype(int)[:, None] + np.arange(-1, 3)
    d = np.abs(place[:, None] - taps)
    near, far = (1.25 * d - 2.25) * d * d + 1, ((-0.75 * d + 3.75) * d - 6) * d + 3
    lines = np.zeros((shown, n))
    np.add.at(lines, (np.arange(shown)[:, None], np.clip(taps, 0, n - 1)), np.where(d <= 1, near, far))
    clips = [np.moveaxis(np.tensordot(lines, clip, (1, axis)), 0, axis) for clip in clips]
clips = np.stack(clips).astype(np.float32)  # (clip, T, 3, height, width), normalised
mean, std = (np.reshape(header[name], (3, 1, 1)) for name in ("mean", "std"))
pixels = np.clip(np.rint((clips * std + mean) * 255), 0, 255).astype(np.uint8)
