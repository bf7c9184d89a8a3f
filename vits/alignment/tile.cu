// One tile of a strip in the alignment search of search.cu: how its scores come to shared memory,
// and how the computing warp goes through it. cubin.py puts this file before search.cu.

typedef long long int64;
typedef unsigned long long uint64;

constexpr int kLanes = 32;
constexpr int kCells = 4;                // symbols of a lane; loads of float4 and uint4 rely on it
constexpr int kStrip = kLanes * kCells;  // symbols of a block
constexpr int kTile = 32;                // frames, as many as a word has bits
constexpr int kPitch = kStrip + 4;       // floats from frame to frame; 4 more spread the banks
constexpr int kGroup = 4;                // frames in registers ahead; a float4 has their edges
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

// Where all warps of a block meet, each in a loop of its own: __syncthreads is for one loop of all.
#ifndef MEET
#define MEET() asm volatile("barrier.sync 0;" ::: "memory")
#endif
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
  int first_tile, last_tile;  // no symbol of the strip has a frame before the first tile
};

// What a tile brings to the computing warp, and what it leaves. There are two of each, so that in
// a phase no warp writes what another one reads.
struct __align__(16) Shared {  // all but `plain` is read or written by vectors of 16 bytes
  float scores[(kTile + kGroup) * kPitch];  // a group more, which is loaded and not used
  float edges[kTile + kGroup];  // of each frame: the value of the symbol before, one frame before
  unsigned words[kStrip];    // steps into each symbol
  float last_values[kTile];  // of the strip's last symbol, for the next strip
  int plain[kReaders + 1];   // what each reader, and the messenger for the edges, found
};
__shared__ Shared shared[2];

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
  // Infinite or NaN at the end if a score was, or was huge. Four sums, as each addition waits for
  // the one before it: with one, a reader would take as long for a tile as the computing warp.
  float sums[4] = {};
  if (kSymbolsAdjoin) {
    float* scores = to.scores + half * (kTile / kReaders) * kPitch + lane;
#pragma unroll
    for (int i = 0; i < kHeld; ++i) {
      const float score = to_float(held[i]);
      sums[i % 4] = __fmaf_rn(score, kToOverflow, sums[i % 4]);
      scores[i / kCells * kPitch + i % kCells * kLanes] = score;
    }
  } else {
    float* scores = to.scores + lane * kPitch + half * kHeld;
#pragma unroll
    for (int i = 0; i < kHeld; i += 4) {  // four at once: eight lanes then meet all banks once
      const float4 four = make_float4(to_float(held[i]), to_float(held[i + 1]),
                                      to_float(held[i + 2]), to_float(held[i + 3]));
      sums[0] = __fmaf_rn(four.x, kToOverflow, sums[0]);
      sums[1] = __fmaf_rn(four.y, kToOverflow, sums[1]);
      sums[2] = __fmaf_rn(four.z, kToOverflow, sums[2]);
      sums[3] = __fmaf_rn(four.w, kToOverflow, sums[3]);
      *reinterpret_cast<float4*>(scores + i) = four;
    }
  }
  const float sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  const bool plain = __all_sync(kAll, fabsf(sum) < -never());
  if (lane == 0) to.plain[half] = plain;
}

// The scores and edges of a few frames, in registers before they are needed.
struct Group {
  float4 scores[kGroup];
  float4 edges;
};

__device__ __forceinline__ Group load(const Shared& from, int frame) {
  const float* scores = from.scores + frame * kPitch + threadIdx.x % kLanes * kCells;
  Group group;
  group.edges = *reinterpret_cast<const float4*>(from.edges + frame);
#pragma unroll
  for (int i = 0; i < kGroup; ++i)
    group.scores[i] = *reinterpret_cast<const float4*>(scores + i * kPitch);
  return group;
}

// Computes a tile. ahead: its first group; value: of this lane's symbols in the frame before the
// tile, then in its last; neighbour: the same of the symbol before them.
//
// Plain or not, the choice is the rule's. In a plain tile, the sign of `stay - step` is set just
// where step > stay, as two different floats never have the difference 0, and 0 - 0 is not -0 here:
// sums that begin at +0 never come to -0. fmaxf differs from the choice only where one is NaN.
// Cells above the diagonal stay at "never" by themselves, and nobody looks at their bits.
template <bool plain>
__device__ __forceinline__ void compute(Shared& tile, Group ahead, int first_symbol, int start,
                                        float (&value)[kCells], float& neighbour) {
  const int lane = threadIdx.x % kLanes;
  constexpr int kUnrolled = plain ? 4 : 1;  // groups; all would not surely fit an instruction cache
  unsigned words[kCells] = {};
#pragma unroll kUnrolled
  for (int begin = 0; begin < kTile; begin += kGroup) {
    const Group now = ahead;
    ahead = load(tile, begin + kGroup);  // the compiler moves no load before the store of a value
    const float edges[kGroup] = {now.edges.x, now.edges.y, now.edges.z, now.edges.w};
    float last_values[kGroup];
#pragma unroll
    for (int i = 0; i < kGroup; ++i) {
      const float4 four = now.scores[i];
      const float score[kCells] = {four.x, four.y, four.z, four.w};
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
      last_values[i] = value[kCells - 1];
    }
    if (lane == kLanes - 1)
      *reinterpret_cast<float4*>(tile.last_values + begin) =
          make_float4(last_values[0], last_values[1], last_values[2], last_values[3]);
  }
  *reinterpret_cast<uint4*>(tile.words + lane * kCells) =
      make_uint4(words[0], words[1], words[2], words[3]);
}
