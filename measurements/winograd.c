/* Transforms of Winograd's convolution in space and time, for measurements/winograd.py.

   A tile is 2 steps of 4x4 outputs. Stride 2 makes four images of one, by the parity of row and column, whose
   channels lie side by side; kernels are then 4x4. Lanes are vectors of GCC's: loops over arrays of 16 floats
   took five times as long. */
#include <string.h>
#include <stdint.h>
#define L 16
#define P 7
#define M 4
typedef float lanes __attribute__((vector_size(4 * L)));
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define FAST __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define FAST
#endif
#define LOAD(to, from) memcpy(&(to), (from), sizeof(lanes))
#define STORE(to, from) memcpy((to), &(from), sizeof(lanes))

/* Clips (n, t, h, w, c) to the left sides of the products, (4 * P * P, tiles, 4 * c), `apart` floats from one
   to the next, for tiles first to last - 1. */
FAST void transform_clips(const float *restrict x, float *restrict v, const float *restrict b, int64_t t,
                          int64_t h, int64_t w, int64_t c, int64_t pairs, int64_t rows, int64_t cols,
                          int64_t apart, int64_t first, int64_t last) {
    const int64_t across = 4 * c;
    for (int64_t tile = first; tile < last; tile++) {
        const int64_t j = tile % cols, i = tile / cols % rows, k = tile / cols / rows % pairs,
                      n = tile / cols / rows / pairs;
        for (int phase = 0; phase < 4; phase++)
            for (int64_t channel = 0; channel < c; channel += L) {
                lanes d[4][P][P], half[P][P];
                for (int r = 0; r < P; r++)
                    for (int q = 0; q < P; q++) {
                        lanes e[4];
                        const int64_t y = 2 * (M * i + r) - 4 + phase / 2, z = 2 * (M * j + q) - 4 + phase % 2;
                        const int inside = y >= 0 && y < h && z >= 0 && z < w;
                        for (int s = 0; s < 4; s++) {
                            const int64_t step = 2 * k - 1 + s;
                            if (inside && step >= 0 && step < t) LOAD(e[s], x + (((n * t + step) * h + y) * w + z) * c + channel);
                            else e[s] = (lanes){0};
                        }
                        d[0][r][q] = e[0] - e[2]; d[1][r][q] = e[1] + e[2]; d[2][r][q] = e[2] - e[1]; d[3][r][q] = e[1] - e[3];
                    }
                for (int s = 0; s < 4; s++) {
                    for (int q = 0; q < P; q++) 
                        for (int a = 0; a < P; a++) {
                            lanes sum = b[a * P] * d[s][0][q];
                            for (int r = 1; r < P; r++) sum += b[a * P + r] * d[s][r][q];
                            half[a][q] = sum;
                        }
                    for (int a = 0; a < P; a++)
                        for (int e = 0; e < P; e++) {
                            lanes sum = b[e * P] * half[a][0];
                            for (int q = 1; q < P; q++) sum += b[e * P + q] * half[a][q];
                            STORE(v + ((s * P + a) * P + e) * apart + tile * across + phase * c + channel, sum);
                        }
                }
            }
    }
}
/* Products (4 * P * P, tiles, c) to outputs (n, t, h, w, c) with a bias. */
FAST void transform_products(const float *restrict m, float *restrict y, const float *restrict a,
                             const float *restrict bias, int64_t t, int64_t h, int64_t w, int64_t c,
                             int64_t pairs, int64_t rows, int64_t cols, int64_t apart, int64_t first,
                             int64_t last) {
    for (int64_t tile = first; tile < last; tile++) {
        const int64_t j = tile % cols, i = tile / cols % rows, k = tile / cols / rows % pairs,
                      n = tile / cols / rows / pairs;
        for (int64_t channel = 0; channel < c; channel += L) {
            lanes d[2][P][P], half[M][P], from_bias;
            LOAD(from_bias, bias + channel);
            for (int p = 0; p < P; p++)
                for (int q = 0; q < P; q++) {
                    lanes e[4];
                    for (int s = 0; s < 4; s++) LOAD(e[s], m + ((s * P + p) * P + q) * apart + tile * c + channel);
                    d[0][p][q] = e[0] + e[1] + e[2]; d[1][p][q] = e[1] - e[2] - e[3];
                }
            for (int s = 0; s < 2 && 2 * k + s < t; s++) {
                for (int r = 0; r < M; r++)
                    for (int q = 0; q < P; q++) {
                        lanes sum = a[r * P] * d[s][0][q];
                        for (int p = 1; p < P; p++) sum += a[r * P + p] * d[s][p][q];
                        half[r][q] = sum;
                    }
                for (int r = 0; r < M && M * i + r < h; r++)
                    for (int z = 0; z < M && M * j + z < w; z++) {
                        lanes sum = from_bias;
                        for (int q = 0; q < P; q++) sum += a[z * P + q] * half[r][q];
                        STORE(y + (((n * t + 2 * k + s) * h + M * i + r) * w + M * j + z) * c + channel, sum);
                    }
            }
        }
    }
}
