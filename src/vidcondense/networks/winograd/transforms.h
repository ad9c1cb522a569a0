/* The four transforms around the products, for vectors of LANES floats; functions are named by WIDE(name).

   A tile is STEPS x SIDE x SIDE outputs. Stride 2 makes four images of one, by the parity of row and column
   (phases), whose channels lie side by side; a kernel of 7x7 is then four of 4x4. Loops over POINTS are short and
   of fixed length, so that the compiler unrolls them. */

typedef float WIDE(lanes) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t WIDE(mask) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#undef V
#undef INLINE
#define V WIDE(lanes)
#define INLINE static inline __attribute__((always_inline)) TARGET

/* A line of the cache, past it: what is written here is read much later. */
INLINE void WIDE(stream)(float *to, const V *from) {
    for (int part = 0; part < LINE / LANES; part++) STREAM(to + part * LANES, from[part]);
}

/* Seven numbers to their values at the points 0, 1, -1, 2, -2, 1/2 and infinity. */
INLINE void WIDE(forward)(const V *from, int step, V *to, int apart) {
    const V d0 = from[0], d1 = from[step], d2 = from[2 * step], d3 = from[3 * step], d4 = from[4 * step],
            d5 = from[5 * step], d6 = from[6 * step];
    const V f0 = d1 - 0.5f * d0, f1 = d2 - 0.5f * d1, f2 = d3 - 0.5f * d2, f3 = d4 - 0.5f * d3, f4 = d5 - 0.5f * d4,
            f5 = d6 - 0.5f * d5;
    const V even = f4 - 4.0f * f2, odd = f3 - 4.0f * f1, even2 = f4 - f2, odd2 = 2.0f * (f3 - f1);
    to[0] = 4.0f * f0 - 5.0f * f2 + f4;
    to[apart] = even + odd;
    to[2 * apart] = even - odd;
    to[3 * apart] = even2 + odd2;
    to[4 * apart] = even2 - odd2;
    to[5 * apart] = d5 - 5.0f * d3 + 4.0f * d1;
    to[6 * apart] = f5 - 5.0f * f3 + 4.0f * f1;
}

/* The transposed map of `forward`. */
INLINE void WIDE(forward_adjoint)(const V *from, int step, V *to, int apart) {
    const V w0 = from[0], even = from[step] + from[2 * step], odd = from[step] - from[2 * step],
            even2 = from[3 * step] + from[4 * step], odd2 = 2.0f * (from[3 * step] - from[4 * step]),
            half = from[5 * step], last = from[6 * step];
    const V f0 = 4.0f * w0, f1 = 4.0f * last - 4.0f * odd - odd2, f2 = -5.0f * w0 - 4.0f * even - even2,
            f3 = odd + odd2 - 5.0f * last, f4 = w0 + even + even2, f5 = last;
    to[0] = -0.5f * f0;
    to[apart] = f0 - 0.5f * f1 + 4.0f * half;
    to[2 * apart] = f1 - 0.5f * f2;
    to[3 * apart] = f2 - 0.5f * f3 - 5.0f * half;
    to[4 * apart] = f3 - 0.5f * f4;
    to[5 * apart] = f4 - 0.5f * f5 + half;
    to[6 * apart] = f5;
}

/* Products at seven points to four outputs. */
INLINE void WIDE(back)(const V *from, int step, V *to, int apart) {
    const V even = from[step] + from[2 * step], odd = from[step] - from[2 * step],
            even2 = from[3 * step] + from[4 * step], odd2 = from[3 * step] - from[4 * step], half = from[5 * step];
    to[0] = from[0] + even + even2 + half;
    to[apart] = odd + 2.0f * odd2 + 0.5f * half;
    to[2 * apart] = even + 4.0f * even2 + 0.25f * half;
    to[3 * apart] = odd + 8.0f * odd2 + 0.125f * half + from[6 * step];
}

/* The transposed map of `back`. */
INLINE void WIDE(back_adjoint)(const V *from, int step, V *to, int apart) {
    const V y0 = from[0], y1 = from[step], y2 = from[2 * step], y3 = from[3 * step];
    const V even = y0 + y2, odd = y1 + y3, even2 = y0 + 4.0f * y2, odd2 = 2.0f * y1 + 8.0f * y3;
    to[0] = y0;
    to[apart] = even + odd;
    to[2 * apart] = even - odd;
    to[3 * apart] = even2 + odd2;
    to[4 * apart] = even2 - odd2;
    to[5 * apart] = y0 + 0.5f * y1 + 0.25f * y2 + 0.125f * y3;
    to[6 * apart] = y3;
}

/* A plane of 7x7 by `forward` or its adjoint along both sides; `apart` vectors between two values of the result. */
INLINE void WIDE(plane)(const V *from, V *to, int apart) {
    V half[POINTS * POINTS];
    for (int q = 0; q < POINTS; q++) WIDE(forward)(from + q, POINTS, half + q, POINTS);
    for (int a = 0; a < POINTS; a++) WIDE(forward)(half + a * POINTS, 1, to + a * POINTS * apart, apart);
}
INLINE void WIDE(plane_adjoint)(const V *from, V *to) {
    V half[POINTS * POINTS];
    for (int a = 0; a < POINTS; a++) WIDE(forward_adjoint)(from + a * POINTS, 1, half + a * POINTS, 1);
    for (int q = 0; q < POINTS; q++) WIDE(forward_adjoint)(half + q, POINTS, to + q, POINTS);
}

/* Both steps of a tile's outputs, zeros beyond the end, to all points. */
INLINE void WIDE(outputs_adjoint)(const float *y, const struct grid *o, const struct place p, int64_t channel, V *to,
                                  int apart) {
    V d[STEPS][POINTS * POINTS], half[SIDE * POINTS];
    for (int s = 0; s < STEPS; s++) {
        for (int r = 0; r < SIDE; r++) {
            V row[SIDE];
            for (int z = 0; z < SIDE; z++) {
                const int64_t step = STEPS * p.pair + s, i = SIDE * p.row + r, j = SIDE * p.column + z;
                const int there = step < o->t && i < o->h && j < o->w;
                row[z] = there ? *(const V *)(y + (((p.n * o->t + step) * o->h + i) * o->w + j) * o->c + channel) : (V){0};
            }
            WIDE(back_adjoint)(row, 1, half + r * POINTS, 1);
        }
        for (int q = 0; q < POINTS; q++) WIDE(back_adjoint)(half + q, POINTS, d[s] + q, POINTS);
    }
    for (int i = 0; i < POINTS * POINTS; i++) {
        to[i * apart] = d[0][i];
        to[(i + POINTS * POINTS) * apart] = d[0][i] + d[1][i];
        to[(i + 2 * POINTS * POINTS) * apart] = d[0][i] - d[1][i];
        to[(i + 3 * POINTS * POINTS) * apart] = -d[1][i];
    }
}

/* Clips x to v: at each point the matrix (tile, phase x channel). */
TARGET static void WIDE(clips)(const float *x, float *v, const struct grid *g, int64_t first, int64_t last) {
    static const float nothing[LANES];
    for (int64_t tile = first; tile < last; tile++) {
        const struct place p = place_of(g, tile);
        for (int phase = 0; phase < 4; phase++)
            for (int64_t line = 0; line < g->c; line += LINE) {
                V lines[ALL][LINE / LANES];
                for (int part = 0; part < LINE / LANES; part++) {
                    V d[4][POINTS * POINTS];
                    for (int i = 0; i < POINTS * POINTS; i++) {
                        const int64_t y = 2 * (SIDE * p.row + i / POINTS) - 4 + phase / 2;
                        const int64_t z = 2 * (SIDE * p.column + i % POINTS) - 4 + phase % 2;
                        const int inside = y >= 0 && y < g->h && z >= 0 && z < g->w;
                        V e[4];
                        for (int s = 0; s < 4; s++) {
                            const int64_t step = 2 * p.pair - 1 + s;
                            const int there = inside && step >= 0 && step < g->t;
                            const int64_t at = (((p.n * g->t + step) * g->h + y) * g->w + z) * g->c + line + part * LANES;
                            e[s] = *(const V *)(there ? x + at : nothing);
                        }
                        d[0][i] = e[0] - e[2];
                        d[1][i] = e[1] + e[2];
                        d[2][i] = e[2] - e[1];
                        d[3][i] = e[1] - e[3];
                    }
                    for (int s = 0; s < 4; s++) WIDE(plane)(d[s], &lines[s * POINTS * POINTS][part], LINE / LANES);
                }
                float *to = v + (tile * 4 + phase) * g->c + line;
                for (int i = 0; i < ALL; i++) WIDE(stream)(to + i * g->apart, lines[i]);
            }
    }
    FENCE;
}

/* The transposed map of `clips`, added to x; a unit is a clip and LANES of its channels. */
TARGET static void WIDE(clips_adjoint)(float *x, const float *v, const struct grid *g, int64_t first, int64_t last) {
    const int64_t blocks = g->c / LANES, tiles = g->pairs * g->rows * g->columns;
    for (int64_t unit = first; unit < last; unit++) {
        const int64_t n = unit / blocks, channel = unit % blocks * LANES;
        for (int64_t each = 0; each < 4 * tiles; each++) {
            const struct place p = place_of(g, n * tiles + each / 4);
            const int phase = each % 4;
            V d[4][POINTS * POINTS];
            const float *from = v + (n * tiles * 4 + each) * g->c + channel;
            for (int i = 0; i < ALL; i++) __builtin_prefetch(from + g->c + i * g->apart);
            for (int s = 0; s < 4; s++) {
                V points[POINTS * POINTS];
                for (int i = 0; i < POINTS * POINTS; i++) points[i] = *(const V *)(from + (s * POINTS * POINTS + i) * g->apart);
                WIDE(plane_adjoint)(points, d[s]);
            }
            for (int i = 0; i < POINTS * POINTS; i++) {
                const int64_t y = 2 * (SIDE * p.row + i / POINTS) - 4 + phase / 2;
                const int64_t z = 2 * (SIDE * p.column + i % POINTS) - 4 + phase % 2;
                if (y < 0 || y >= g->h || z < 0 || z >= g->w) continue;
                const V e[4] = {d[0][i], d[1][i] - d[2][i] + d[3][i], d[1][i] + d[2][i] - d[0][i], -d[3][i]};
                for (int s = 0; s < 4; s++) {
                    const int64_t step = 2 * p.pair - 1 + s;
                    if (step >= 0 && step < g->t)
                        *(V *)(x + (((n * g->t + step) * g->h + y) * g->w + z) * g->c + channel) += e[s];
                }
            }
        }
    }
}

/* Products m, (tile, channel) at each point, to outputs y with a bias. */
TARGET static void WIDE(products)(const float *m, float *y, const float *bias, const struct grid *g, int64_t first,
                                  int64_t last) {
    for (int64_t tile = first; tile < last; tile++) {
        const struct place p = place_of(g, tile);
        for (int64_t channel = 0; channel < g->c; channel += LANES) {
            V d[STEPS][POINTS * POINTS], half[SIDE * POINTS];
            const V from_bias = *(const V *)(bias + channel);
            const float *from = m + tile * g->c + channel;
            for (int i = 0; i < POINTS * POINTS; i++) {
                V e[4];
                for (int s = 0; s < 4; s++) e[s] = *(const V *)(from + (s * POINTS * POINTS + i) * g->apart);
                d[0][i] = e[0] + e[1] + e[2];
                d[1][i] = e[1] - e[2] - e[3];
            }
            for (int s = 0; s < STEPS && STEPS * p.pair + s < g->t; s++) {
                for (int q = 0; q < POINTS; q++) WIDE(back)(d[s] + q, POINTS, half + q, POINTS);
                for (int r = 0; r < SIDE && SIDE * p.row + r < g->h; r++) {
                    V row[SIDE];
                    WIDE(back)(half + r * POINTS, 1, row, 1);
                    const int64_t i = SIDE * p.row + r, j = SIDE * p.column;
                    float *to = y + (((p.n * g->t + STEPS * p.pair + s) * g->h + i) * g->w + j) * g->c + channel;
                    for (int z = 0; z < SIDE && j + z < g->w; z++) *(V *)(to + z * g->c) = row[z] + from_bias;
                }
            }
        }
    }
}

/* The transposed map of `products`, without the bias. */
TARGET static void WIDE(products_adjoint)(float *m, const float *y, const struct grid *g, int64_t first, int64_t last) {
    for (int64_t tile = first; tile < last; tile++) {
        const struct place p = place_of(g, tile);
        for (int64_t line = 0; line < g->c; line += LINE) {
            V lines[ALL][LINE / LANES];
            for (int part = 0; part < LINE / LANES; part++)
                WIDE(outputs_adjoint)(y, g, p, line + part * LANES, lines[0] + part, LINE / LANES);
            for (int i = 0; i < ALL; i++) WIDE(stream)(m + i * g->apart + tile * g->c + line, lines[i]);
        }
    }
    FENCE;
}
