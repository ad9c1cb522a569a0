/* A first layer, whole: 3 colours in. Its products are too narrow for a library, so they are made here, tiles in
   groups whose sums stay in registers. Kernels are (point, phase x colour, time, channel); of the LINE floats for a
   point 8 are for each parity of rows, and of them 2 columns x 3 colours count. */

#define AT(c) ((c) < 6 ? (c) : (c) + 2) /* the place of phase x colour c among the LINE floats */

#if LANES < 16 /* wider vectors would hold pixels of two rows */
enum { WIDE(row) = 2 * POINTS * 3 };

/* Copies between a clip and the pixels under a tile; zeros around the clip. */
#define EACH_ROW(p)                                                                                          \
    const int64_t top = 2 * SIDE * p.row - 4, edge = 2 * SIDE * p.column - 4;                                \
    const int64_t start = edge < 0 ? 0 : edge, end = edge + 2 * POINTS < g->w ? edge + 2 * POINTS : g->w;    \
    for (int s = 0; s < 4; s++)                                                                              \
        for (int r = 0; r < 2 * POINTS; r++) {                                                               \
            const int64_t step = 2 * p.pair - 1 + s, y = top + r;                                            \
            if (step < 0 || step >= g->t || y < 0 || y >= g->h) continue;                                    \
            const int64_t at = (((p.n * g->t + step) * g->h + y) * g->w + start) * 3, many = 3 * (end - start);

TARGET static void WIDE(window)(const float *x, float (*left)[LINE], const struct grid *g, const struct place p) {
    float pixels[4][2 * POINTS][WIDE(row) + 2] = {0};
    EACH_ROW(p)
        memcpy(pixels[s][r] + 3 * (start - edge), x + at, many * sizeof(float));
    }
    static const int of[4][2] = {{0, 2}, {1, 2}, {2, 1}, {1, 3}};
    for (int s = 0; s < 4; s++)
        for (int part = 0; part < LINE; part += LANES) {
            V e[POINTS * POINTS];
            for (int i = 0; i < POINTS * POINTS; i++) {
                const int row = 2 * (i / POINTS) + part / 8, from = 6 * (i % POINTS) + part % 8;
                const V a = *(const V *)(pixels[of[s][0]][row] + from), b = *(const V *)(pixels[of[s][1]][row] + from);
                e[i] = s == 1 ? a + b : a - b;
            }
            V points[POINTS * POINTS];
            WIDE(plane)(e, points, 1);
            for (int i = 0; i < POINTS * POINTS; i++) *(V *)(left[s * POINTS * POINTS + i] + part) = points[i];
        }
}

/* The transposed map of `window`, added to x. */
TARGET static void WIDE(window_adjoint)(float *x, const float (*left)[LINE], const struct grid *g, const struct place p) {
    float pixels[4][2 * POINTS][WIDE(row) + 2] = {0};
    for (int part = 0; part < LINE; part += LANES) {
        V d[4][POINTS * POINTS];
        for (int s = 0; s < 4; s++) {
            V points[POINTS * POINTS];
            for (int i = 0; i < POINTS * POINTS; i++) points[i] = *(const V *)(left[s * POINTS * POINTS + i] + part);
            WIDE(plane_adjoint)(points, d[s]);
        }
        for (int i = 0; i < POINTS * POINTS; i++) {
            const int row = 2 * (i / POINTS) + part / 8, to = 6 * (i % POINTS) + part % 8;
            const V e[4] = {d[0][i], d[1][i] - d[2][i] + d[3][i], d[1][i] + d[2][i] - d[0][i], -d[3][i]};
            for (int s = 0; s < 4; s++) *(V *)(pixels[s][row] + to) += e[s];
        }
    }
    EACH_ROW(p)
        for (int64_t i = 0; i < many; i++) x[at + i] += pixels[s][r][3 * (start - edge) + i];
    }
}
#undef EACH_ROW
#endif

/* NaN where either is, as PyTorch's maximum has it. */
INLINE V WIDE(larger)(V a, V b) {
    const WIDE(mask) pick = (WIDE(mask))(a > b) | (WIDE(mask))(a != a);
    return (V)(((WIDE(mask))a & pick) | ((WIDE(mask))b & ~pick));
}

/* A tile's outputs, or with `pool` 2 the largest of every 2x2 and of 0. */
INLINE void WIDE(write)(V (*d)[POINTS * POINTS], float *y, V bias, const struct grid *o, const struct place p, int pool,
                        int64_t channel) {
    for (int s = 0; s < STEPS && STEPS * p.pair + s < o->t; s++) {
        V half[SIDE * POINTS], full[SIDE * SIDE];
        for (int q = 0; q < POINTS; q++) WIDE(back)(d[s] + q, POINTS, half + q, POINTS);
        for (int r = 0; r < SIDE; r++) WIDE(back)(half + r * POINTS, 1, full + r * SIDE, 1);
        const int side = SIDE / pool;
        for (int r = 0; r < side && side * p.row + r < o->h; r++)
            for (int z = 0; z < side && side * p.column + z < o->w; z++) {
                const V *of = full + (r * SIDE + z) * pool;
                V value = of[0];
                if (pool == 2) value = WIDE(larger)(WIDE(larger)(of[0], of[1]), WIDE(larger)(of[SIDE], of[SIDE + 1]));
                value += bias;
                if (pool == 2) value = WIDE(larger)(value, (V){0});
                const int64_t i = side * p.row + r, j = side * p.column + z;
                *(V *)(y + (((p.n * o->t + STEPS * p.pair + s) * o->h + i) * o->w + j) * o->c + channel) = value;
            }
    }
}

TARGET static void WIDE(first)(const float *x, float *y, const float *kernel, const float *bias, const struct grid *g,
                               const struct grid *o, int64_t pool, int64_t first, int64_t last) {
    for (int64_t group = first; group < last; group += GROUP) {
        float left[GROUP][ALL][LINE] __attribute__((aligned(64))) = {0};
        const int64_t many = last - group < GROUP ? last - group : GROUP;
        for (int64_t of = 0; of < many; of++) WINDOW(window)(x, left[of], g, place_of(g, group + of));
        for (int64_t channel = 0; channel < o->c; channel += LANES) {
            V d[GROUP][STEPS][POINTS * POINTS];
            for (int i = 0; i < POINTS * POINTS; i++) {
                V sum[4][GROUP] = {0};
                for (int c = 0; c < NARROW; c++)
                    for (int s = 0; s < 4; s++) {
                        const V k = *(const V *)(kernel + ((i * NARROW + c) * 4 + s) * o->c + channel);
                        for (int of = 0; of < GROUP; of++) sum[s][of] += k * left[of][s * POINTS * POINTS + i][AT(c)];
                    }
                for (int of = 0; of < GROUP; of++) {
                    d[of][0][i] = sum[0][of] + sum[1][of] + sum[2][of];
                    d[of][1][i] = sum[1][of] - sum[2][of] - sum[3][of];
                }
            }
            const V from_bias = *(const V *)(bias + channel);
            for (int64_t of = 0; of < many; of++)
                WIDE(write)(d[of], y, from_bias, o, place_of(g, group + of), pool, channel);
        }
    }
}

/* Gradients of outputs y to those of clips, added to x. A unit is a clip and every second pair of steps from `odd`:
   no two of them touch the same pixels. Kernels are (point, channel, time, LINE) here. */
TARGET static void WIDE(first_to_clips)(float *x, const float *y, const float *kernel, const struct grid *g,
                                        const struct grid *o, int64_t odd, int64_t first, int64_t last) {
    const int64_t tiles = g->rows * g->columns, pairs = (g->pairs + 1 - odd) / 2;
    for (int64_t unit = first; unit < last; unit++)
        for (int64_t group = 0; group < tiles; group += GROUP) {
            const int64_t from = (unit / pairs * g->pairs + unit % pairs * 2 + odd) * tiles + group;
            const int64_t many = tiles - group < GROUP ? tiles - group : GROUP;
            V products[GROUP][ALL][64 / LANES] = {0};
            float left[GROUP][ALL][LINE] __attribute__((aligned(64))) = {0};
            for (int64_t block = 0; block < o->c; block += 64) {
                const int64_t wide = o->c - block < 64 ? o->c - block : 64;
                for (int64_t of = 0; of < many; of++)
                    for (int64_t channel = 0; channel < wide; channel += LANES)
                        WIDE(outputs_adjoint)(y, o, place_of(g, from + of), block + channel,
                                              products[of][0] + channel / LANES, 64 / LANES);
                for (int part = 0; part < LINE; part += LANES)
                    for (int i = 0; i < POINTS * POINTS; i++) {
                        V sum[4][GROUP];
                        for (int s = 0; s < 4; s++)
                            for (int of = 0; of < GROUP; of++) sum[s][of] = *(V *)(left[of][s * POINTS * POINTS + i] + part);
                        for (int64_t c = 0; c < wide; c++)
                            for (int s = 0; s < 4; s++) {
                                const V k = *(const V *)(kernel + ((i * o->c + block + c) * 4 + s) * LINE + part);
                                for (int of = 0; of < GROUP; of++)
                                    sum[s][of] += k * ((const float *)products[of][s * POINTS * POINTS + i])[c];
                            }
                        for (int s = 0; s < 4; s++)
                            for (int of = 0; of < GROUP; of++) *(V *)(left[of][s * POINTS * POINTS + i] + part) = sum[s][of];
                    }
            }
            for (int64_t of = 0; of < many; of++)
                WINDOW(window_adjoint)(x, (const float (*)[LINE])left[of], g, place_of(g, from + of));
        }
}

/* Clips x and gradients of outputs y to the gradient of the kernel, added to it, for some of all tiles. */
TARGET static void WIDE(slice_to_kernel)(const float *x, const float *y, float *kernel, const struct grid *g,
                                         const struct grid *o, int64_t first, int64_t last) {
    enum { MANY = 8 };
    for (int64_t group = first; group < last; group += MANY) {
        float left[MANY][ALL][LINE] __attribute__((aligned(64)));
        const int64_t many = last - group < MANY ? last - group : MANY;
        for (int64_t of = 0; of < many; of++) WINDOW(window)(x, left[of], g, place_of(g, group + of));
        for (int64_t channel = 0; channel < o->c; channel += LANES) {
            V products[MANY][ALL];
            for (int64_t of = 0; of < many; of++)
                WIDE(outputs_adjoint)(y, o, place_of(g, group + of), channel, products[of], 1);
            for (int s = 0; s < 4; s++)
                for (int i = 0; i < POINTS * POINTS; i++) {
                    V sum[NARROW] = {0};
                    for (int64_t of = 0; of < many; of++) {
                        const V dy = products[of][s * POINTS * POINTS + i];
                        for (int c = 0; c < NARROW; c++) sum[c] += dy * left[of][s * POINTS * POINTS + i][AT(c)];
                    }
                    for (int c = 0; c < NARROW; c++) *(V *)(kernel + ((i * NARROW + c) * 4 + s) * o->c + channel) += sum[c];
                }
        }
    }
}

/* A unit is a slice of the tiles, with a kernel of its own. */
TARGET static void WIDE(first_to_kernel)(const float *x, const float *y, float *kernel, const struct grid *g,
                                         const struct grid *o, int64_t tiles, int64_t slices, int64_t first,
                                         int64_t last) {
    for (int64_t slice = first; slice < last; slice++)
        WIDE(slice_to_kernel)(x, y, kernel + slice * ALL * NARROW * o->c, g, o, tiles * slice / slices,
                              tiles * (slice + 1) / slices);
}
#undef AT
