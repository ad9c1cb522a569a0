/* Winograd's convolution in space and time in float32: see __init__.py.

   Called by library.py. The caller guarantees contiguous memory that begins at lines of the cache, and channels
   in multiples of 16. Everything is compiled for three widths of vectors, and the processor decides which runs. */
#include <stdint.h>
#include <string.h>

#define POINTS 7
#define SIDE 4
#define STEPS 2
#define ALL (4 * POINTS * POINTS)
#define LINE 16 /* floats of a line of the cache */
#define NARROW 12 /* channels of a first layer: 3 colours of 2 x 2 pixels */

/* Clips or outputs of t steps, h rows, w columns and c channels, cut into pairs x rows x columns of tiles; a matrix
   (tile, channel) of each of ALL points lies `apart` floats after the one before. */
struct grid { int64_t t, h, w, c, pairs, rows, columns, apart; };
struct place { int64_t n, pair, row, column; };

static inline __attribute__((always_inline)) struct place place_of(const struct grid *g, int64_t tile) {
    const int64_t column = tile % g->columns, row = tile / g->columns % g->rows;
    const int64_t above = tile / g->columns / g->rows;
    return (struct place){above / g->pairs, above % g->pairs, row, column};
}

#define WIDE(name) name##_4
#define WINDOW(name) name##_4
#define LANES 4
#define TARGET
#define GROUP 2 /* tiles whose sums stay in registers */
#define STREAM(to, what) *(V *)(to) = (what)
#define FENCE (void)0
#include "transforms.h"
#include "first.h"
#undef WIDE
#undef WINDOW
#undef LANES
#undef TARGET
#undef STREAM
#undef FENCE

#if defined(__x86_64__)
#include <immintrin.h>
#define WIDE(name) name##_8
#define WINDOW(name) name##_8
#define LANES 8
#define TARGET __attribute__((target("avx2,fma")))
#define STREAM(to, what) _mm256_stream_ps(to, (__m256)(what))
#define FENCE _mm_sfence()
#include "transforms.h"
#include "first.h"
#undef WIDE
#undef LANES
#undef TARGET
#undef GROUP
#undef STREAM
#define WIDE(name) name##_16
#define LANES 16
#define TARGET __attribute__((target("avx512f,avx512dq,fma")))
#define GROUP 4
#define STREAM(to, what) _mm512_stream_ps(to, (__m512)(what))
#include "transforms.h"
#include "first.h"
#define CALL(lanes, name, ...)                        \
    do {                                              \
        if (lanes == 16) name##_16(__VA_ARGS__);      \
        else if (lanes == 8) name##_8(__VA_ARGS__);   \
        else name##_4(__VA_ARGS__);                   \
    } while (0)
#else
#define CALL(lanes, name, ...) name##_4(__VA_ARGS__)
#endif

/* Floats of the widest vector, at most `most`, that this processor has. */
int64_t winograd_lanes(int64_t most) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (most >= 16 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return 16;
    if (most >= 8 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 8;
#endif
    return most < 4 ? 0 : 4;
}

/* Work that several threads share: each takes the next part of the units until none is left. What is computed does
   not depend on the number of parts. Which of the fields count, `work_on` says. */
struct task {
    int64_t function, lanes, units, parts, next;
    float *tensor[4];
    struct grid clips, outputs;
    int64_t number[2];
};

static void work_on(const struct task *t, int64_t first, int64_t last) {
    float *const *of = t->tensor;
    const struct grid *g = &t->clips, *o = &t->outputs;
    switch (t->function) {
    case 0: CALL(t->lanes, clips, of[0], of[1], g, first, last); break;
    case 1: CALL(t->lanes, clips_adjoint, of[0], of[1], g, first, last); break;
    case 2: CALL(t->lanes, products, of[0], of[1], of[2], o, first, last); break;
    case 3: CALL(t->lanes, products_adjoint, of[0], of[1], o, first, last); break;
    case 4: CALL(t->lanes, first, of[0], of[1], of[2], of[3], g, o, t->number[0], first, last); break;
    case 5: CALL(t->lanes, first_to_clips, of[0], of[1], of[2], g, o, t->number[0], first, last); break;
    case 6: CALL(t->lanes, first_to_kernel, of[0], of[1], of[2], g, o, t->number[0], t->number[1], first, last); break;
    }
}

void winograd_work(void *given) {
    struct task *t = given;
    for (;;) {
        const int64_t part = __atomic_fetch_add(&t->next, 1, __ATOMIC_RELAXED);
        if (part >= t->parts) return;
        work_on(t, t->units * part / t->parts, t->units * (part + 1) / t->parts);
    }
}
