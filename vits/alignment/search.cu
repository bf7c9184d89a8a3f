// Monotonic alignment search on NVIDIA GPUs (VITS Sec. 2.2.1, Appendix A). The rule, ties and
// borders included, stands in __init__.py; reference.py computes the same in torch, to the bit.
//
// cuda.py compiles this at first use with NVRTC, so it includes nothing.
//
// A block computes one strip of 128 symbols of one utterance, a tile of 32 frames after the other,
// and its warps share the work like a production line: six read scores, one computes, one carries
// messages between strips and results to memory. In each phase one tile is put into shared memory,
// the one before it is computed and the one before that is carried away; a barrier ends the phase.
// Strip after strip, the blocks follow each other like a wave: a value of a strip's last symbol
// goes to the next strip through global memory, in one 64-bit word with a stamp that says it is
// there, so that no fence stands between them.
// Scores are read once, and only where a path can be: tiles that begin no earlier than the strip's
// first symbol, and frames no later than the last symbol can still be reached from.
// What remains of a tile is one word for each symbol, in which bit 31 - f says "in frame f of the
// tile the best path came from the earlier symbol". The block that finishes an utterance last walks
// back through these words, a tile at a time.
//
// Why a line of warps: one warp that did everything took 200 cycles a frame on an H100; by the
// latencies of its instructions, some 60 for the conditions and addresses of its loads, 15 to put
// them down, and 70 for a shuffle and a load that waited for each other. Now nothing that the
// computing warp does waits for memory, and it has a scheduler to itself but for the messages.
// Why 4 symbols to a lane: texts of 128 symbols need no second strip, and a value takes four frames
// to cross a lane, so that a shuffle's 24 cycles are spread over four frames.
// Why three teams of readers: a tile is computed in some 1000 cycles, and a load can take more when
// all blocks read. With three tiles of 16 KB under way, 132 blocks have 6 MB, enough for 3 TB/s at
// a latency of two microseconds.

typedef long long int64;
typedef unsigned long long uint64;

constexpr int kLanes = 32;
constexpr int kCells = 4;                // symbols of a lane; loads of float4 and uint4 rely on it
constexpr int kStrip = kLanes * kCells;  // symbols of a block
constexpr int kTile = 32;                // frames, as many as a word has bits
constexpr int kPitch = kStrip + 4;       // floats from frame to frame; 4 more spread the banks
constexpr unsigned kAll = 0xffffffffu;   // every lane takes part in every exchange
constexpr uint64 kStamp = 1ull << 32;    // set in a word that holds a value

// The warps of a block. Those with the same remainder by 4 share a scheduler; the computing warp
// shares its own with the messenger, which has the least to do.
constexpr int kWarps = 8;
constexpr int kComputer = 3;
constexpr int kMessenger = 7;
constexpr int kTeams = 3;    // of readers: warps 0 and 1, 2 and 4, 5 and 6; a tile each in turn
constexpr int kReaders = 2;  // in a team, on two schedulers; each reads half a tile
constexpr int kHeld = kTile * kStrip / kReaders / kLanes;  // scores that a reader's lane holds

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

// A tile is plain if all its scores, its edges and the values before it are finite and none is
// huge: then no path's sum in it is infinite or NaN, and a choice takes fewer instructions.
constexpr float kHuge = 1e30f;  // for edges and values; 32 scores more stay far below 3.4e38
// A reader sums up its scores times this, one multiply-add for each: a score of 7e28 or more in
// size is over 6.8e38 then, and the sum overflows whatever it was before.
constexpr float kToOverflow = 1e10f;

__device__ __forceinline__ bool is_small(float value) { return fabsf(value) < kHuge; }

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

// What a tile brings to the computing warp, and what it leaves. There are two of each, so that in
// a phase no warp writes what another one reads.
struct __align__(16) Shared {  // its first three members are read or written by vectors of 16 bytes
  float scores[kTile * kPitch];
  float edges[kTile];        // of each frame: the value of the symbol before, one frame before
  unsigned words[kStrip];    // steps into each symbol
  float last_values[kTile];  // of the strip's last symbol, for the next strip
  int plain[kReaders + 1];   // what each reader, and the messenger for the edges, found
};
__shared__ Shared shared[2];
__shared__ int taken;  // the block's ticket

// Begins to read this reader's half of the tile at `start`. Past the end of the strip the last
// symbol or frame is read again: no path uses it, and there is no condition on a load.
__device__ __forceinline__ void fetch(const Utterance& utterance, const Strip& strip, int half,
                                      int start, Score (&held)[kHeld]) {
  const int lane = threadIdx.x % kLanes;
  int last_symbol = utterance.n_symbols - 1 - strip.first_symbol;
  const int last_frame = strip.last_frame - start;
  const Score* from = utterance.scores + strip.first_symbol * utterance.symbol_stride +
                      start * utterance.frame_stride;
  if (kSymbolsAdjoin) {
    constexpr int kRows = kTile / kReaders;
    const int first = half * kRows;
    from += min(first, last_frame) * utterance.frame_stride;
    const Score* columns[kCells];  // one addition for a load, where an index would take two
#pragma unroll
    for (int j = 0; j < kCells; ++j) columns[j] = from + min(j * kLanes + lane, last_symbol);
#pragma unroll
    for (int f = 0; f < kRows; ++f) {
      const int64 on = first + f < last_frame ? utterance.frame_stride : 0;
#pragma unroll
      for (int j = 0; j < kCells; ++j) {
        held[f * kCells + j] = *columns[j];
        columns[j] += on;
      }
    }
  } else {
    const int first = half * kHeld;
    asm volatile("" : "+r"(last_symbol));  // else 64 steps are worked out ahead, and spill
    from += min(lane, last_frame) * utterance.frame_stride +
            min(first, last_symbol) * utterance.symbol_stride;
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      held[i] = *from;
      from += first + i < last_symbol ? utterance.symbol_stride : 0;
    }
  }
}

__device__ __forceinline__ void put_down(const Score (&held)[kHeld], int half, Shared& to) {
  const int lane = threadIdx.x % kLanes;
  float sum = 0.0f;  // infinite or NaN at the end if a score was, or was huge
  if (kSymbolsAdjoin) {
    float* scores = to.scores + half * (kTile / kReaders) * kPitch + lane;
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const float score = to_float(held[i]);
      sum = __fmaf_rn(score, kToOverflow, sum);
      scores[i / kCells * kPitch + i % kCells * kLanes] = score;
    }
  } else {
    float* scores = to.scores + lane * kPitch + half * kHeld;
#pragma unroll
    for (int i = 0; i < kHeld; i += 4) {  // four at once: eight lanes then meet all banks once
      const float4 four = make_float4(to_float(held[i]), to_float(held[i + 1]),
                                      to_float(held[i + 2]), to_float(held[i + 3]));
      sum = __fmaf_rn(four.x, kToOverflow, sum);
      sum = __fmaf_rn(four.y, kToOverflow, sum);
      sum = __fmaf_rn(four.z, kToOverflow, sum);
      sum = __fmaf_rn(four.w, kToOverflow, sum);
      *reinterpret_cast<float4*>(scores + i) = four;
    }
  }
  const bool plain = __all_sync(kAll, fabsf(sum) < -never());
  if (lane == 0) to.plain[half] = plain;
}

// Waits for the edges of the tile at `start`. edges: [n_frames] of the strip before, null for the
// first one, where at the very start a path comes from nowhere, for nothing.
__device__ __forceinline__ void receive(const volatile uint64* edges, const Strip& strip, int start,
                                        Shared& to) {
  const int lane = threadIdx.x % kLanes;
  const int frame = start + lane - 1;
  const bool comes = edges && frame <= strip.last_edge;
  uint64 edge = kStamp | __float_as_uint(!edges && frame < 0 ? 0.0f : never());
  do {
    if (comes) edge = edges[frame];
  } while (!__all_sync(kAll, edge >= kStamp));
  const float value = __uint_as_float(static_cast<unsigned>(edge));
  const bool plain = __all_sync(kAll, !comes || is_small(value));
  to.edges[lane] = value;
  if (lane == 0) to.plain[kReaders] = plain;
}

// Carries away what a tile left. steps: [kStrip] words; next_edges: where the next strip looks for
// this tile's, null if there is none.
__device__ __forceinline__ void send(const Shared& from, unsigned* steps,
                                     volatile uint64* next_edges) {
  const int lane = threadIdx.x % kLanes;
  if (next_edges) next_edges[lane] = kStamp | __float_as_uint(from.last_values[lane]);
  __stcg(reinterpret_cast<uint4*>(steps + lane * kCells),
         *reinterpret_cast<const uint4*>(from.words + lane * kCells));
}

// Computes a tile. value: of this lane's symbols in the frame before the tile, then in its last.
//
// Plain or not, the choice is the rule's. In a plain tile, the sign of `stay - step` is set just
// where step > stay, as two different floats never have the difference 0, and 0 - 0 is not -0 here:
// sums that begin at +0 never come to -0. fmaxf differs from the choice only where one is NaN.
// Cells above the diagonal stay at "never" by themselves, and nobody looks at their bits.
//
// A frame is 23 instructions (sm_90), so 23 cycles at best, and some 27 by their latencies. Scores
// are loaded four frames ahead: the compiler moves no load before the store of a value.
template <bool plain>
__device__ __forceinline__ void compute(const Shared& from, int first_symbol, int start,
                                        float (&value)[kCells], Shared& to) {
  const int lane = threadIdx.x % kLanes;
  constexpr int kGroup = 4;  // frames; a float4 has the edges of one
  constexpr int kUnrolled = plain ? 4 : 1;  // groups; all would not surely fit an instruction cache
  const auto load = [](const float* place) { return *reinterpret_cast<const float4*>(place); };
  const float* scores = from.scores + lane * kCells;
  unsigned words[kCells] = {};
  float4 edges_ahead = load(from.edges), ahead[kGroup];
#pragma unroll
  for (int i = 0; i < kGroup; ++i) ahead[i] = load(scores + i * kPitch);
  float neighbour = __shfl_up_sync(kAll, value[kCells - 1], 1);
#pragma unroll kUnrolled
  for (int begin = 0; begin < kTile; begin += kGroup) {
    const float edges[kGroup] = {edges_ahead.x, edges_ahead.y, edges_ahead.z, edges_ahead.w};
    const int next = min(begin + kGroup, kTile - kGroup);
    edges_ahead = load(from.edges + next);
    float4 now[kGroup];
#pragma unroll
    for (int i = 0; i < kGroup; ++i) {
      now[i] = ahead[i];
      ahead[i] = load(scores + (next + i) * kPitch);
    }
#pragma unroll
    for (int i = 0; i < kGroup; ++i) {
      const float score[kCells] = {now[i].x, now[i].y, now[i].z, now[i].w};
      float step = lane == 0 ? edges[i] : neighbour;
#pragma unroll
      for (int j = 0; j < kCells; ++j) {
        const float stay = value[j];
        if (plain) {
          words[j] = __funnelshift_l(__float_as_uint(stay - step), words[j], 1);
          value[j] = score[j] + fmaxf(step, stay);
        } else {
          const int above = first_symbol + lane * kCells + j - (start + begin + i);
          const bool earlier = step > stay;
          words[j] = words[j] << 1 | (earlier || above == 0);  // on the diagonal it had to step
          // Scores of +inf or NaN would lift the cells above the diagonal.
          value[j] = above > 0 ? never() : score[j] + (earlier ? step : stay);
        }
        step = stay;
      }
      neighbour = __shfl_up_sync(kAll, value[kCells - 1], 1);
      if (lane == kLanes - 1) to.last_values[begin + i] = value[kCells - 1];
    }
  }
  *reinterpret_cast<uint4*>(to.words + lane * kCells) =
      make_uint4(words[0], words[1], words[2], words[3]);
}

// Back from the end. steps: [n_tiles, row] words of the utterance; durations: [n_symbols].
//
// A tile has 32 frames, so its path stays within the 32 symbols before the one that it ends at, and
// within 64 before the one that the tile after it ends at: those words are read ahead. One symbol
// after the other, the path takes the latest step that is earlier than the one before: two
// instructions for a symbol, as the words themselves do not depend on where the path is.
__device__ void walk_back(const unsigned* steps, int64 row, int n_symbols, int n_frames,
                          int64* durations) {
  const int lane = threadIdx.x % kLanes;
  const auto word = [&](int of_tile, int symbol) {  // into symbol 0 there is no step
    return of_tile >= 0 && symbol > 0 ? __ldcg(steps + of_tile * row + symbol) : 0u;
  };
  int x = n_symbols - 1;  // where the tile's path ends
  int after = n_frames;   // the frame after the last one of symbol x
  int of_tile = (n_frames - 1) / kTile;
  unsigned frames = kAll << (kTile - 1 - (n_frames - 1) % kTile);  // that the tile has
  int newest = x;  // lane l has read the words of symbols newest - l and newest - kLanes - l
  unsigned near = word(of_tile, newest - lane), far = 0;
  for (; x > 0; --of_tile) {
    const int behind = newest - x + lane;
    const unsigned if_near = __shfl_sync(kAll, near, behind % kLanes);
    const unsigned if_far = __shfl_sync(kAll, far, behind % kLanes);
    const unsigned own_word = behind < kLanes ? if_near : if_far;  // of symbol x - lane
    newest = x;
    near = word(of_tile - 1, newest - lane);
    far = word(of_tile - 1, newest - kLanes - lane);

    unsigned own = 0;           // whose lowest bit is the step into symbol x - lane
    constexpr int kAtOnce = 8;  // symbols; a tile has some 8 to 16
#pragma unroll 1
    for (int begin = 0; begin < kLanes && frames; begin += kAtOnce) {
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        const unsigned here = __shfl_sync(kAll, own_word, begin + i) & frames;
        if (lane == begin + i) own = here;
        frames = ~(here ^ (here - 1));  // those before the step; none if there is no step
      }
    }
    const int n_steps = __popc(__ballot_sync(kAll, own != 0));
    const int first = of_tile * kTile + __clz(own & (0 - own));  // frame of symbol x - lane
    const int next = __shfl_up_sync(kAll, first, 1);
    if (own) durations[x - lane] = (lane == 0 ? after : next) - first;
    const int earliest = __shfl_sync(kAll, first, max(n_steps - 1, 0));
    if (n_steps > 0) after = earliest;
    x -= n_steps;
    frames = kAll;
  }
  if (lane == 0) durations[0] = after;
}

// scores: any strides, in scores; lengths: [n_items]; durations: [n_items, n_symbols].
// steps: [n_items, n_tiles, n_strips * kStrip], anything in it.
// signals: 1 ticket counter, [n_items] counts of finished strips, and the edges
// [n_items, n_strips - 1, n_tiles * kTile]: all zero; not looked at when there is one strip.
// Grid: n_items * n_strips blocks of kWarps warps. An item whose lengths cannot be aligned gets the
// duration -1 everywhere.
extern "C" __global__ void __launch_bounds__(kWarps* kLanes, 2)
    search(const Score* scores, int64 item_stride, int64 frame_stride, int64 symbol_stride,
           const int64* text_lengths, const int64* spec_lengths, int64* durations, unsigned* steps,
           uint64* signals, int n_items, int n_frames, int n_symbols) {
  const int lane = threadIdx.x % kLanes, warp = threadIdx.x / kLanes;
  const int n_strips = (n_symbols + kStrip - 1) / kStrip;
  const int n_tiles = (n_frames + kTile - 1) / kTile;

  // Blocks wait for blocks of earlier strips, and a ticket says that those have begun to run: the
  // order of blockIdx does not.
  int ticket = blockIdx.x;
  if (n_strips > 1) {
    if (threadIdx.x == 0) taken = static_cast<int>(atomicAdd(signals, 1ull));
    __syncthreads();
    ticket = taken;
  }
  const int item = ticket % n_items, number = ticket / n_items;
  const int64 n_text = text_lengths[item], n_spec = spec_lengths[item];
  durations += static_cast<int64>(item) * n_symbols;
  if (n_text < 1 || n_text > n_symbols || n_text > n_spec || n_spec > n_frames) {
    if (number == 0)
      for (int x = threadIdx.x; x < n_symbols; x += kWarps * kLanes) durations[x] = -1;
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
  const bool sends = number + 1 < n_own_strips;
  steps += item * n_tiles * row;

  float value[kCells];
#pragma unroll
  for (int j = 0; j < kCells; ++j) value[j] = never();
  // No symbol of the strip has a frame before the first tile. A reader holds, or waits for, the
  // tile that its team puts down next.
  const int first = strip.first_symbol / kTile, last = strip.last_frame / kTile;
  const bool reads = warp != kComputer && warp != kMessenger;
  const int reader = warp < kComputer ? warp : warp - 1;
  const int team = reader / kReaders, half = reader % kReaders;
  Score held[kHeld] = {};
  if (reads && first + team <= last) fetch(utterance, strip, half, (first + team) * kTile, held);
  for (int put = first, turn = 0; put <= last + 2; ++put, turn = turn + 1 < kTeams ? turn + 1 : 0) {
    const int computed = put - 1, sent = put - 2;  // tiles of this phase
    if (reads && turn == team && put <= last) {
      put_down(held, half, shared[put % 2]);
      const int next = put + kTeams;
      if (next <= last) fetch(utterance, strip, half, next * kTile, held);
    } else if (warp == kComputer && computed >= first && computed <= last) {
      Shared& at = shared[computed % 2];
      const int start = computed * kTile;
      bool plain = at.plain[0] && at.plain[1] && at.plain[2];
#pragma unroll
      for (int j = 0; j < kCells; ++j)  // a symbol has no value yet before its own frame
        plain = plain && (is_small(value[j]) || strip.first_symbol + lane * kCells + j >= start);
      if (__all_sync(kAll, plain))
        compute<true>(at, strip.first_symbol, start, value, at);
      else
        compute<false>(at, strip.first_symbol, start, value, at);
    } else if (warp == kMessenger) {
      if (sent >= first)
        send(shared[sent % 2], steps + sent * row + strip.first_symbol,
             sends ? own_edges + sent * kTile : nullptr);
      if (put <= last) receive(edges, strip, put * kTile, shared[put % 2]);
    }
    __syncthreads();
  }

  if (warp != 0) return;
  if (n_own_strips > 1) {
    int n_finished = 0;
    if (lane == 0) {
      __threadfence();  // the words of the block, before the count says that they are there
      n_finished = static_cast<int>(atomicAdd(signals + 1 + item, 1ull)) + 1;
    }
    if (__shfl_sync(kAll, n_finished, 0) < n_own_strips) return;
    __threadfence();
    __syncwarp();
  }
  for (int x = utterance.n_symbols + lane; x < n_symbols; x += kLanes) durations[x] = 0;
  walk_back(steps, row, utterance.n_symbols, utterance.n_frames, durations);
}
