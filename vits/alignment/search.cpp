// Monotonic alignment search on CPUs (VITS Sec. 2.2.1, Appendix A). The rule, ties and borders
// included, stands in __init__.py; reference.py computes the same in torch, to the bit.
//
// A plain shared library without Python or torch in it: cpu.py loads it with ctypes.
//
// Symbols are computed side by side, frames one after the other. Only two frames of values are
// kept; what remains of a frame is one bit per symbol, "came from the earlier symbol", so the
// scores are read once and the scratch of an utterance stays in the cache.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <exception>
#include <limits>
#include <new>
#include <thread>
#include <vector>

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define ALIGNMENT_X86 1
#include <immintrin.h>
#endif

#if defined(_WIN32)
#define ALIGNMENT_EXPORT extern "C" __declspec(dllexport)
#else
#define ALIGNMENT_EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr int64_t kBlock = 16;  // symbols; rows of values and bits are padded to whole blocks
// A tenth of a millisecond's work. A second thread would halve that at best, and costs many times
// as much whenever the machine is busy and it has to be waited for.
constexpr int64_t kCellsPerThread = 1 << 19;

// One frame, symbols first (a multiple of kBlock) to last - 1:
//   value[x] = score[x] + max(previous[x], previous[x - 1])
//   bit x of steps = previous[x - 1] > previous[x]
// previous[first - kBlock] and later can be read.
using Frame = void (*)(const float* score, const float* previous, float* value, uint8_t* steps,
                       int64_t first, int64_t last);

void frame_plain(const float* score, const float* previous, float* value, uint8_t* steps,
                 int64_t first, int64_t last) {
  int64_t begin = first;
#if defined(__GNUC__) || defined(__clang__)
  // Whole blocks in vectors of four, which compilers have an instruction set for on any processor
  // (NEON, say); from the loop below they make none.
  typedef float Four __attribute__((vector_size(16)));
  typedef int32_t Bits __attribute__((vector_size(16)));
  for (; begin + kBlock <= last; begin += kBlock) {
    Bits bits = {};
    for (int i = 0; i < kBlock; i += 4) {
      Four stay, step, sum;
      std::memcpy(&stay, previous + begin + i, sizeof stay);
      std::memcpy(&step, previous + begin + i - 1, sizeof step);
      std::memcpy(&sum, score + begin + i, sizeof sum);
      const Bits earlier = step > stay;
      sum += earlier ? step : stay;
      std::memcpy(value + begin + i, &sum, sizeof sum);
      bits |= earlier & (Bits{1, 2, 4, 8} << i);
    }
    const uint16_t all = static_cast<uint16_t>(bits[0] | bits[1] | bits[2] | bits[3]);
    const uint8_t bytes[] = {static_cast<uint8_t>(all), static_cast<uint8_t>(all >> 8)};
    std::memcpy(steps + begin / 8, bytes, sizeof bytes);
  }
#endif
  for (; begin < last; begin += 8) {
    const int64_t n = std::min<int64_t>(8, last - begin);
    unsigned bits = 0;
    for (int64_t i = 0; i < n; ++i) {
      const float stay = previous[begin + i];
      const float step = previous[begin + i - 1];
      const bool earlier = step > stay;
      value[begin + i] = score[begin + i] + (earlier ? step : stay);
      bits |= static_cast<unsigned>(earlier) << i;
    }
    steps[begin / 8] = static_cast<uint8_t>(bits);
  }
}

#ifdef ALIGNMENT_X86
// Asks for the scores one memory page ahead, where the processor's own prefetch stops. It takes a
// fifth off the time of a batch that is not in the cache; an address past the end does no harm.
inline void prefetch(const float* score) {
  _mm_prefetch(reinterpret_cast<const char*>(score) + 4096, _MM_HINT_T0);
}

// maxps(a, b) is a > b ? a : b also for NaN and equal values, which is the rule as it stands.

__attribute__((target("avx2"))) void frame_avx2(const float* score, const float* previous,
                                                float* value, uint8_t* steps, int64_t first,
                                                int64_t last) {
  int64_t x = first;
  for (; x + 8 <= last; x += 8) {
    prefetch(score + x);
    const __m256 stay = _mm256_loadu_ps(previous + x);
    const __m256 step = _mm256_loadu_ps(previous + x - 1);
    _mm256_storeu_ps(value + x,
                     _mm256_add_ps(_mm256_loadu_ps(score + x), _mm256_max_ps(step, stay)));
    steps[x / 8] =
        static_cast<uint8_t>(_mm256_movemask_ps(_mm256_cmp_ps(step, stay, _CMP_GT_OQ)));
  }
  frame_plain(score, previous, value, steps, x, last);
}

__attribute__((target("avx512f"))) void frame_avx512(const float* score, const float* previous,
                                                     float* value, uint8_t* steps, int64_t first,
                                                     int64_t last) {
  // The neighbour comes from the block before, by registers: a load at x - 1 would straddle two
  // stores of the last frame and wait for both.
  __m512i left = _mm512_castps_si512(_mm512_loadu_ps(previous + first - kBlock));
  for (int64_t x = first; x < last; x += kBlock) {
    const __mmask16 valid = static_cast<__mmask16>(
        last - x >= kBlock ? 0xffffu : (1u << (last - x)) - 1u);
    prefetch(score + x);
    const __m512 stay = _mm512_loadu_ps(previous + x);
    const __m512 step =
        _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(stay), left, 15));
    left = _mm512_castps_si512(stay);
    const __m512 sum =
        _mm512_add_ps(_mm512_maskz_loadu_ps(valid, score + x), _mm512_max_ps(step, stay));
    _mm512_mask_storeu_ps(value + x, valid, sum);
    const uint16_t bits = _mm512_cmp_ps_mask(step, stay, _CMP_GT_OQ);
    std::memcpy(steps + x / 8, &bits, sizeof bits);
  }
}
#endif

Frame frame_for(int32_t instructions) {
#ifdef ALIGNMENT_X86
  if (instructions == 2) return frame_avx512;
  if (instructions == 1) return frame_avx2;
#endif
  (void)instructions;
  return frame_plain;
}

int64_t blocks(int64_t n_symbols) { return (n_symbols + kBlock - 1) / kBlock; }

struct Scratch {
  std::vector<float> values;   // two frames, each with one block of "never" in front
  std::vector<uint8_t> steps;  // [n_frames, blocks], one bit per symbol

  Scratch(int64_t n_symbols, int64_t n_frames)
      : values(2 * (blocks(n_symbols) + 1) * kBlock), steps(n_frames * blocks(n_symbols) * 2) {}
};

// Runs `work` on up to n_threads threads at once; any number of them finishes the batch.
//
// The threads are torch's own where its OpenMP can be found in the process: they still spin after
// torch's last operation, and threads of ours would fight them for the processors (2.6 times the
// time for a batch of 16 x 100 x 400 on two cores). Linking an OpenMP would load a second one.
template <typename Work>
void on_threads(int32_t n_threads, const Work& work) {
#if !defined(_WIN32)
  using Parallel = void (*)(void (*)(void*), void*, unsigned, unsigned);
  const auto parallel = reinterpret_cast<Parallel>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  if (parallel) {
    const auto call = [](void* data) { (*static_cast<const Work*>(data))(); };
    parallel(call, const_cast<Work*>(&work), static_cast<unsigned>(n_threads), 0);
    return;
  }
#endif
  std::vector<std::thread> threads;
  try {
    for (int32_t i = 1; i < n_threads; ++i) threads.emplace_back(work);
  } catch (const std::exception&) {
    // No more threads to be had here: those that run do all the items.
  }
  work();
  for (std::thread& thread : threads) thread.join();
}

// scores: [n_frames, row] of which the first n_symbols columns count; durations: [row].
void search_one(const float* scores, int64_t row, int64_t n_symbols, int64_t n_frames,
                int64_t* durations, Frame frame, Scratch& scratch) {
  const int64_t n_values = (blocks(n_symbols) + 1) * kBlock;
  const int64_t n_bytes = blocks(n_symbols) * 2;
  std::fill(scratch.values.begin(), scratch.values.begin() + 2 * n_values, kNever);
  float* previous = scratch.values.data() + kBlock;
  float* value = previous + n_values;
  uint8_t* const steps = scratch.steps.data();

  previous[0] = scores[0];
  for (int64_t t = 1; t < n_frames; ++t) {
    // Cells above the diagonal cannot be reached and stay "never"; from cells under the other
    // diagonal the last symbol cannot be reached any more, so nothing ever reads them.
    const int64_t first = std::max<int64_t>(0, n_symbols + t - n_frames) / kBlock * kBlock;
    const int64_t last = std::min(t + 1, n_symbols);
    frame(scores + t * row, previous, value, steps + t * n_bytes, first, last);
    std::swap(previous, value);
  }

  std::fill(durations, durations + row, 0);
  int64_t x = n_symbols - 1;
  for (int64_t t = n_frames - 1; t > 0; --t) {
    ++durations[x];
    x -= x == t || (steps[t * n_bytes + x / 8] >> (x % 8) & 1);
  }
  ++durations[x];
}

}  // namespace

// The widest instructions this processor has: 0 any processor's, 1 AVX2, 2 AVX-512.
ALIGNMENT_EXPORT int32_t alignment_instructions_v1() {
#ifdef ALIGNMENT_X86
  if (__builtin_cpu_supports("avx512f")) return 2;
  if (__builtin_cpu_supports("avx2")) return 1;
#endif
  return 0;
}

// scores: [n_items, n_frames, n_symbols], contiguous; lengths: [n_items], checked by the caller;
// durations: [n_items, n_symbols], written in full. Returns 0, or 1 when memory is short.
// A change of these arguments changes the name, so that an old library is refused, not called.
ALIGNMENT_EXPORT int32_t alignment_search_v1(const float* scores, const int64_t* text_lengths,
                                             const int64_t* spec_lengths, int64_t* durations,
                                             int64_t n_items, int64_t n_frames, int64_t n_symbols,
                                             int32_t n_threads, int32_t instructions) {
  const Frame frame = frame_for(instructions);
  const int64_t n_cells = n_items * n_frames * n_symbols;
  const int64_t n_workers = std::max<int64_t>(
      1, std::min({int64_t{n_threads}, n_items, n_cells / kCellsPerThread}));

  std::vector<Scratch> scratches;
  try {
    scratches.reserve(n_workers);
    for (int64_t i = 0; i < n_workers; ++i) scratches.emplace_back(n_symbols, n_frames);
  } catch (const std::bad_alloc&) {
    return 1;
  }

  std::atomic<int64_t> n_started{0}, next{0};
  const auto work = [&] {
    const int64_t worker = n_started.fetch_add(1);
    if (worker >= n_workers) return;
    for (int64_t i; (i = next.fetch_add(1)) < n_items;)
      search_one(scores + i * n_frames * n_symbols, n_symbols, text_lengths[i], spec_lengths[i],
                 durations + i * n_symbols, frame, scratches[worker]);
  };
  if (n_workers == 1)
    work();
  else
    on_threads(n_threads, work);
  return 0;
}
