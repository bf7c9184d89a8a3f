// Monotonic alignment search on NVIDIA GPUs (VITS Sec. 2.2.1, Appendix A). The rule, ties and
// borders included, stands in __init__.py; reference.py computes the same in torch, to the bit.
//
// cuda.py compiles this at first use with NVRTC, so it includes nothing.
//
// One warp is a block, and computes one strip of 128 symbols of one utterance, 4 to a lane, frame
// after frame with the running values in registers. Strip after strip, the warps follow each other
// like a wave: a value of a strip's last symbol goes to the next strip through global memory, in
// one 64-bit word with a stamp that says it is there, so that no fence stands between them.
// Scores are read once, a tile of 32 frames while the tile before is computed, and only where a
// path can be: symbol <= frame, and no later than the last symbol can still be reached from.
// What remains of a tile is one word for each symbol, in which bit f says "in frame f of the tile
// the best path came from the earlier symbol". The warp that finishes an utterance last walks back
// through these words: one word and one count of leading zeros for each symbol and each tile.
//
// Why strips: an utterance on one multiprocessor would be read at some 100 GB/s, a thirtieth of
// what an H100 can. 16 texts of 2048 symbols are 256 strips with a tile of 16 KB under way each, 4
// MB, enough for 3 TB/s at a latency of a microsecond. Why 4 symbols to a lane: a frame is then 41
// instructions (sm_90), not many more than the 33 cycles that a shuffle, a choice and an addition
// take one after the other, and texts of 128 symbols need no second strip.

typedef long long int64;
typedef unsigned long long uint64;

constexpr int kLanes = 32;
constexpr int kCells = 4;                // symbols of a lane; loads of float4 and uint4 rely on it
constexpr int kStrip = kLanes * kCells;  // symbols of a block
constexpr int kTile = 32;                // frames, as many as a word has bits
constexpr int kPitch = kStrip + 4;       // floats from frame to frame; one is the edge, 3 align
constexpr unsigned kAll = 0xffffffffu;   // every lane takes part in every exchange
constexpr uint64 kStamp = 1ull << 32;    // set in a word that holds a value

struct float16 {
  unsigned short bits;
};
struct bfloat16 {
  unsigned short bits;
};
using Score = SCORE;  // float, float16 or bfloat16
constexpr bool kSymbolsAdjoin = SYMBOLS_ADJOIN;  // a frame's symbols are side by side in memory

#ifndef HALF_TO_FLOAT
#define HALF_TO_FLOAT(value, bits) asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits))
#endif

__device__ __forceinline__ float to_float(float score) { return score; }
__device__ __forceinline__ float to_float(bfloat16 score) {
  return __uint_as_float(static_cast<unsigned>(score.bits) << 16);
}
__device__ __forceinline__ float to_float(float16 score) {
  float value;
  HALF_TO_FLOAT(value, score.bits);
  return value;
}

__device__ __forceinline__ float never() { return __uint_as_float(0xff800000u); }

// Scores of one utterance, and how much of them counts.
struct Utterance {
  const Score* scores;
  int64 frame_stride, symbol_stride;  // in scores
  int n_symbols, n_frames;
};

// A strip's part of an utterance.
struct Strip {
  int first_symbol, last_frame;
  int last_edge;  // the last frame whose edge can matter: the strip before ends there
};

// The tile of scores being computed: kTile frames of kStrip symbols, and each frame's edge behind
// them, which is the value of the symbol before the strip in the frame before.
__shared__ __align__(16) float tile[kTile * kPitch];

// Begins to read the tile at `start`. Past the strip's end there is nothing to read: what `held`
// has from before stays there, and no path uses it.
__device__ __forceinline__ void fetch(const Utterance& utterance, const Strip& strip, int start,
                                      Score (&held)[kTile * kCells]) {
  const int lane = threadIdx.x;
  const int n_symbols = utterance.n_symbols - strip.first_symbol;
  const int n_frames = strip.last_frame + 1 - start;
  const Score* from = utterance.scores + strip.first_symbol * utterance.symbol_stride +
                      start * utterance.frame_stride;
  if (kSymbolsAdjoin) {
    from += lane;
#pragma unroll
    for (int f = 0; f < kTile; ++f) {
#pragma unroll
      for (int j = 0; j < kCells; ++j)
        if (f < n_frames && j * kLanes + lane < n_symbols)
          held[f * kCells + j] = from[j * kLanes];
      from += utterance.frame_stride;
    }
  } else {
    from += lane * utterance.frame_stride;
#pragma unroll
    for (int i = 0; i < kStrip; ++i) {
      if (i < n_symbols && lane < n_frames) held[i] = *from;
      from += utterance.symbol_stride;
    }
  }
}

__device__ __forceinline__ void put_down(const Score (&held)[kTile * kCells]) {
  const int lane = threadIdx.x;
  if (kSymbolsAdjoin) {
#pragma unroll
    for (int i = 0; i < kTile * kCells; ++i)
      tile[i / kCells * kPitch + i % kCells * kLanes + lane] = to_float(held[i]);
  } else {
#pragma unroll
    for (int i = 0; i < kStrip; ++i) tile[lane * kPitch + i] = to_float(held[i]);
  }
}

// The word of this lane's edge of the tile at `start`, if it is there yet. edges: [n_frames] of the
// strip before, null for the first one. At the very start a path comes from nowhere, for nothing.
__device__ __forceinline__ uint64 look(const volatile uint64* edges, const Strip& strip,
                                       int start) {
  const int frame = start + static_cast<int>(threadIdx.x) - 1;
  if (edges && frame <= strip.last_edge) return edges[frame];
  return kStamp | __float_as_uint(!edges && frame < 0 ? 0.0f : never());
}

// Computes the tile in shared memory. next_edges: where the next strip looks for this tile, null
// in lanes that hold no last symbol. Only a tile that meets the diagonal has cells above it, and
// they need to be kept at "never" because a score of +inf or NaN would lift them.
template <bool meets_diagonal>
__device__ __forceinline__ void compute(int first_symbol, int start, float (&value)[kCells],
                                        unsigned (&steps)[kCells], volatile uint64* next_edges) {
  const int lane = threadIdx.x;
  constexpr int kUnrolled = 8;  // the whole tile would not fit into the instruction cache
#pragma unroll 1
  for (int begin = 0; begin < kTile; begin += kUnrolled) {
    unsigned bits[kCells] = {};
#pragma unroll
    for (int i = 0; i < kUnrolled; ++i) {
      const int f = begin + i;
      const float4 four = *reinterpret_cast<const float4*>(tile + f * kPitch + lane * kCells);
      const float score[kCells] = {four.x, four.y, four.z, four.w};
      const float edge = tile[f * kPitch + kStrip];
      const float neighbour = __shfl_up_sync(kAll, value[kCells - 1], 1);
      float step = lane == 0 ? edge : neighbour;
#pragma unroll
      for (int j = 0; j < kCells; ++j) {
        const float stay = value[j];
        const bool earlier = step > stay;
        value[j] = score[j] + (earlier ? step : stay);
        if (meets_diagonal && first_symbol + lane * kCells + j > start + f) value[j] = never();
        bits[j] |= earlier ? 1u << i : 0u;
        step = stay;
      }
      if (next_edges) next_edges[f] = kStamp | __float_as_uint(value[kCells - 1]);
    }
#pragma unroll
    for (int j = 0; j < kCells; ++j) steps[j] |= bits[j] << begin;
  }
}

// Back from the end. steps: [n_tiles, row] words of the utterance; durations: [n_symbols].
//
// A tile has 32 frames, so its path stays within the 32 symbols before the one that it ends at, and
// within 64 before the one that the tile after it ends at: those words are read ahead.
__device__ void walk_back(const unsigned* steps, int64 row, int n_symbols, int n_frames,
                          int64* durations) {
  const int lane = threadIdx.x;
  const auto word = [&](int of_tile, int symbol) {
    return of_tile >= 0 && symbol >= 0 ? __ldcg(steps + of_tile * row + symbol) : 0u;
  };
  int x = n_symbols - 1;
  int last = n_frames - 1;  // last frame of symbol x
  int of_tile = last / kTile;
  int newest = x;  // lane l holds the words of symbols newest - l and newest - kLanes - l
  unsigned near = word(of_tile, newest - lane), far = word(of_tile, newest - kLanes - lane);
  for (; x > 0; --of_tile) {
    const int entered = x;
    const unsigned next_near = word(of_tile - 1, x - lane);
    const unsigned next_far = word(of_tile - 1, x - kLanes - lane);
    const int start = of_tile * kTile;
    int f = min(last - start, kTile - 1);  // the walk is at frame start + f
    while (x > 0 && f >= 0) {
      const int behind = newest - x;
      unsigned steps_here = __shfl_sync(kAll, behind < kLanes ? near : far, behind % kLanes);
      if (x / kTile == of_tile) steps_here |= 1u << (x % kTile);  // the diagonal: it had to step
      steps_here &= kAll >> (kTile - 1 - f);
      if (!steps_here) break;
      f = kTile - 1 - __clz(steps_here);
      if (lane == 0) durations[x] = last - (start + f) + 1;
      last = start + --f;
      --x;
    }
    near = next_near;
    far = next_far;
    newest = entered;
  }
  if (lane == 0) durations[0] = last + 1;
}

// scores: any strides, in scores; lengths: [n_items]; durations: [n_items, n_symbols].
// steps: [n_items, n_tiles, n_strips * kStrip], anything in it.
// signals: 1 ticket counter, [n_items] counts of finished strips, and the edges
// [n_items, n_strips - 1, n_tiles * kTile]: all zero; not looked at when there is one strip.
// Grid: n_items * n_strips blocks of one warp. An item whose lengths cannot be aligned gets the
// duration -1 everywhere.
extern "C" __global__ void __launch_bounds__(kLanes)
    search(const Score* scores, int64 item_stride, int64 frame_stride, int64 symbol_stride,
           const int64* text_lengths, const int64* spec_lengths, int64* durations, unsigned* steps,
           uint64* signals, int n_items, int n_frames, int n_symbols) {
  const int lane = threadIdx.x;
  const int n_strips = (n_symbols + kStrip - 1) / kStrip;
  const int n_tiles = (n_frames + kTile - 1) / kTile;

  // Blocks wait for blocks of earlier strips, and a ticket says that those have begun to run: the
  // order of blockIdx does not.
  int ticket = blockIdx.x;
  if (n_strips > 1) {
    if (lane == 0) ticket = static_cast<int>(atomicAdd(signals, 1ull));
    ticket = __shfl_sync(kAll, ticket, 0);
  }
  const int item = ticket % n_items, number = ticket / n_items;
  const int64 n_text = text_lengths[item], n_spec = spec_lengths[item];
  durations += static_cast<int64>(item) * n_symbols;
  if (n_text < 1 || n_text > n_symbols || n_text > n_spec || n_spec > n_frames) {
    if (number == 0)
      for (int x = lane; x < n_symbols; x += kLanes) durations[x] = -1;
    return;
  }
  const Utterance utterance{scores + item * item_stride, frame_stride, symbol_stride,
                            static_cast<int>(n_text), static_cast<int>(n_spec)};
  const int n_own_strips = (utterance.n_symbols + kStrip - 1) / kStrip;
  if (number >= n_own_strips) return;

  const int spare = utterance.n_frames - utterance.n_symbols;  // a symbol's latest frame, less it
  Strip strip;
  strip.first_symbol = number * kStrip;
  strip.last_frame = spare + min(strip.first_symbol + kStrip, utterance.n_symbols) - 1;
  strip.last_edge = spare + strip.first_symbol - 1;
  const int64 row = static_cast<int64>(n_strips) * kStrip;
  const int64 n_edges = static_cast<int64>(n_tiles) * kTile;
  volatile uint64* own_edges =
      signals + 1 + n_items + (static_cast<int64>(item) * (n_strips - 1) + number) * n_edges;
  const volatile uint64* edges = number > 0 ? own_edges - n_edges : nullptr;
  const bool sends = lane == kLanes - 1 && number + 1 < n_own_strips;
  steps += item * n_tiles * row;

  float value[kCells];
#pragma unroll
  for (int j = 0; j < kCells; ++j) value[j] = never();
  // While a tile is computed, the next one is under way to the registers of `held`.
  Score held[kTile * kCells] = {};
  uint64 edge = kStamp;
  int next = strip.first_symbol;  // no symbol of the strip has an earlier frame
  for (int start = next - kTile; start <= strip.last_frame; start = next, next += kTile) {
    if (next <= strip.last_frame) {
      fetch(utterance, strip, next, held);
      edge = look(edges, strip, next);
    }
    if (start >= strip.first_symbol) {
      unsigned bits[kCells] = {};
      volatile uint64* next_edges = sends ? own_edges + start : nullptr;
      if (start < strip.first_symbol + kStrip)
        compute<true>(strip.first_symbol, start, value, bits, next_edges);
      else
        compute<false>(strip.first_symbol, start, value, bits, next_edges);
      __stcg(reinterpret_cast<uint4*>(steps + start / kTile * row + strip.first_symbol +
                                      lane * kCells),
             make_uint4(bits[0], bits[1], bits[2], bits[3]));
    }
    if (next <= strip.last_frame) {
      while (!__all_sync(kAll, edge >= kStamp)) edge = look(edges, strip, next);
      __syncwarp();  // the tile before is computed in all lanes
      put_down(held);
      tile[lane * kPitch + kStrip] = __uint_as_float(static_cast<unsigned>(edge));
      __syncwarp();
    }
  }

  __syncwarp();
  if (n_own_strips > 1) {
    int n_finished = 0;
    if (lane == 0) {
      __threadfence();  // the words of all lanes, before the count says that they are there
      n_finished = static_cast<int>(atomicAdd(signals + 1 + item, 1ull)) + 1;
    }
    if (__shfl_sync(kAll, n_finished, 0) < n_own_strips) return;
    __threadfence();
    __syncwarp();
  }
  for (int x = utterance.n_symbols + lane; x < n_symbols; x += kLanes) durations[x] = 0;
  walk_back(steps, row, utterance.n_symbols, utterance.n_frames, durations);
}
