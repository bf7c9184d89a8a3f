// Monotonic alignment search on NVIDIA GPUs (VITS Sec. 2.2.1, Appendix A). The rule, ties and
// borders included, stands in __init__.py; reference.py computes the same in torch, to the bit.
//
// cubin.py puts tile.cu before this, and compiles both at first use with NVRTC, so nothing is
// included.
//
// A block computes one strip of 128 symbols of one utterance, a tile of 32 frames after the other,
// and its warps share the work like a production line: six read scores, one computes, one carries
// messages between strips and results to memory. In each phase one tile is put into shared memory,
// the one before it is computed and the one before that is carried away; a barrier ends the phase.
// Each role has a loop of its own, with as many barriers in it as there are in the others.
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
// computing warp does waits for memory, and it has a scheduler to itself but for the messages. By
// the compiler's schedule for sm_90 a tile takes it 1000 cycles: 25 for each frame, and 200 for the
// barrier, the first loads and the question which tiles are plain.
// Why 4 symbols to a lane: texts of 128 symbols need no second strip, and a value takes four frames
// to cross a lane, so that a shuffle's 24 cycles are spread over four frames.
// Why three teams of readers: a tile is computed in some 1000 cycles, and a load can take more when
// all blocks read. With three tiles of 16 KB under way, 132 blocks have 6 MB, enough for 3 TB/s at
// a latency of two microseconds.

__shared__ int taken;  // the block's ticket

// The readers' loop. Each holds, or waits for, its half of the tile that its team puts down next.
// It takes two phases of three for that, as the computing warp would wait for both in one.
__device__ __forceinline__ void read(const Utterance& utterance, const Strip& strip, int reader) {
  const int team = reader / kReaders, half = reader % kReaders;
  Score held[kHeld] = {};
  if (strip.first_tile + team <= strip.last_tile)
    fetch(utterance, strip, half, (strip.first_tile + team) * kTile, held);
  for (int put = strip.first_tile; put <= strip.last_tile; ++put) {
    const int since = put - strip.first_tile - team;  // phases since the team's first one
    const int next = put - 1 + kTeams;
    if (since >= 0 && since % kTeams == 0)
      put_down(held, half, shared[put % 2]);
    else if (since > 0 && since % kTeams == 1 && next <= strip.last_tile)
      fetch(utterance, strip, half, next * kTile, held);
    MEET();
  }
  MEET();
  MEET();
}

// The computing warp's loop. What does not need the tile comes before the barrier, as this warp is
// the last there.
__device__ __forceinline__ void compute_all(const Strip& strip) {
  const int lane = threadIdx.x % kLanes;
  float value[kCells], neighbour = never();
#pragma unroll
  for (int j = 0; j < kCells; ++j) value[j] = never();
  bool small = true;  // all values of symbols that have one
  Shared *now = shared + strip.first_tile % 2, *other = shared + (strip.first_tile + 1) % 2;
  MEET();
  for (int at = strip.first_tile; at <= strip.last_tile; ++at) {
    Shared& tile = *now;
    const Group ahead = load(tile, 0);
    const int start = at * kTile;
    if (small & tile.plain[0] & tile.plain[1] & tile.plain[2])
      compute<true>(tile, ahead, strip.first_symbol, start, value, neighbour);
    else
      compute<false>(tile, ahead, strip.first_symbol, start, value, neighbour);
    small = true;
#pragma unroll
    for (int j = 0; j < kCells; ++j)  // a symbol has no value yet before its own frame
      small &= is_small(value[j]) | (strip.first_symbol + lane * kCells + j >= start + kTile);
    small = __all_sync(kAll, small);
    now = other;
    other = &tile;
    MEET();
  }
  MEET();
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

// The messenger's loop. own_edges: [n_frames], null if no strip waits for them; row: words from
// tile to tile.
__device__ __forceinline__ void carry(const Strip& strip, const volatile uint64* edges,
                                      volatile uint64* own_edges, unsigned* steps, int64 row) {
  for (int put = strip.first_tile; put <= strip.last_tile + 2; ++put) {
    const int sent = put - 2;
    if (sent >= strip.first_tile)
      send(shared[sent % 2], steps + sent * row + strip.first_symbol,
           own_edges ? own_edges + sent * kTile : nullptr);
    if (put <= strip.last_tile) receive(edges, strip, put * kTile, shared[put % 2]);
    MEET();
  }
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
  int x = n_symbols - 1;  // where the tile's path ends
  int of_tile = (n_frames - 1) / kTile;
  const unsigned* words = steps + of_tile * row;
  const auto word = [&](int symbol) {  // into symbol 0 there is no step
    return of_tile >= 0 && symbol > 0 ? __ldcg(words + symbol) : 0u;
  };
  unsigned frames = kAll << (kTile - 1 - (n_frames - 1) % kTile);  // that the tile has
  int newest = x;  // lane l has read the words of symbols newest - l and newest - kLanes - l
  unsigned near = word(newest - lane), far = 0;
  // The frame after the last one of symbol x: the earliest step, which the last of n_steps lanes
  // holds, of the latest tile that has any. It is asked for when it is needed, as that takes long.
  int after = n_frames, earliest = 0, n_steps = 0;
  while (x > 0) {
    const unsigned behind = newest - x + lane;
    const unsigned if_near = __shfl_sync(kAll, near, behind % kLanes);
    const unsigned if_far = __shfl_sync(kAll, far, behind % kLanes);
    const unsigned own_word = behind < kLanes ? if_near : if_far;  // of symbol x - lane
    newest = x;
    const int first_frame = of_tile-- * kTile;
    words -= row;
    near = word(newest - lane);
    far = word(newest - kLanes - lane);

    unsigned own = 0;            // whose lowest bit is the step into symbol x - lane
    constexpr int kAtOnce = 12;  // symbols; most tiles have fewer
#pragma unroll 1
    for (int begin = 0; begin < kLanes && frames; begin += kAtOnce) {
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        const unsigned here = __shfl_sync(kAll, own_word, begin + i) & frames;
        if (lane == begin + i) own = here;
        frames = ~(here ^ (here - 1));  // those before the step; none if there is no step
      }
    }
    if (n_steps > 0) after = earliest;
    n_steps = __popc(__ballot_sync(kAll, own != 0));
    const int first = first_frame + __clz(own & (0 - own));  // frame of symbol x - lane
    const int next = __shfl_up_sync(kAll, first, 1);
    earliest = __shfl_sync(kAll, first, max(n_steps - 1, 0));
    if (own) durations[x - lane] = (lane == 0 ? after : next) - first;
    x -= n_steps;
    frames = kAll;
  }
  if (lane == 0) durations[0] = n_steps > 0 ? earliest : after;
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
  strip.first_tile = strip.first_symbol / kTile;
  strip.last_tile = strip.last_frame / kTile;
  const int64 row = static_cast<int64>(n_strips) * kStrip;
  const int64 n_edges = static_cast<int64>(n_tiles) * kTile;
  volatile uint64* own_edges =
      signals + 1 + n_items + (static_cast<int64>(item) * (n_strips - 1) + number) * n_edges;
  const volatile uint64* edges = number > 0 ? own_edges - n_edges : nullptr;
  steps += item * n_tiles * row;

  if (warp == kComputer)
    compute_all(strip);
  else if (warp == kMessenger)
    carry(strip, edges, number + 1 < n_own_strips ? own_edges : nullptr, steps, row);
  else
    read(utterance, strip, warp < kComputer ? warp : warp - 1);

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
