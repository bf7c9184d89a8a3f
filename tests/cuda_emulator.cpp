// Runs search.cu on the CPU, every thread of every block: as a fiber that gives way wherever the
// threads of a warp meet (shuffle, vote, syncwarp), so that between two meetings they run in any
// order that the seed says. Made to show what a GPU may do and a kind one does not:
//
// - Blocks begin in any order, and only n_resident of them run at once.
// - Shared memory begins as garbage.
// - What __stcg stores stays unseen by other blocks until a __threadfence of its own, or for as
//   long as chance has it, even if the block has ended.
// - Lanes that meet in different operations, or that wait for a lane which has ended, are errors;
//   so is a kernel that makes no progress.
//
// Build: g++ -shared -DSCORE=float -DSYMBOLS_ADJOIN=1 -DSOURCE='"search.cu"' cuda_emulator.cpp

#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};

namespace emulator {

constexpr int kWarp = 32;
constexpr size_t kStackBytes = 64 << 10;

struct Block;

struct Lane {
  ucontext_t context;
  std::unique_ptr<char[]> stack{new char[kStackBytes]};
  Block* block;
  int number;
  bool waits = false, ended = false;
  std::unordered_map<unsigned*, unsigned> unseen;  // stores that other blocks do not see yet
};

struct Block {
  int number;
  std::vector<Lane> lanes{kWarp};
  std::vector<char> shared;        // its shared memory while another block runs
  const char* meeting = nullptr;   // the operation that lanes have come to
  int n_there = 0, n_ended = 0;
  uint64_t brought[kWarp], taken[kWarp];
};

struct Device {
  std::mt19937 chance;
  ucontext_t scheduler;
  std::string error;
  Lane* running = nullptr;
  Block* in_shared = nullptr;  // whose shared memory lies in place
  std::unordered_map<unsigned*, unsigned> unseen;  // of lanes that have ended
};
static Device device;

// All __shared__ variables lie in one section of the library, which every block has its own of.
extern "C" char __start_cuda_shared[], __stop_cuda_shared[];

void give_way() { swapcontext(&device.running->context, &device.scheduler); }

void fail(const std::string& what) {
  if (device.error.empty()) device.error = what;
  while (true) give_way();
}

void see_all(Lane& lane) {
  for (auto [place, value] : lane.unseen) *place = value;
  lane.unseen.clear();
}

// Each lane brings a value; when all have, each sees what the others brought.
const uint64_t* meet(const char* operation, unsigned mask, uint64_t value) {
  Lane& lane = *device.running;
  Block& block = *lane.block;
  if (mask != 0xffffffffu) fail(std::string(operation) + " of only a part of the warp");
  if (block.n_there && std::strcmp(block.meeting, operation))
    fail(std::string("lanes meet in ") + operation + " and " + block.meeting);
  if (block.n_ended) fail(std::string(operation) + " waits for a lane that has ended");
  block.meeting = operation;
  block.brought[lane.number] = value;
  lane.waits = true;
  if (++block.n_there == kWarp) {
    std::memcpy(block.taken, block.brought, sizeof block.taken);
    block.n_there = 0;
    for (Lane& other : block.lanes) other.waits = false;
  }
  give_way();
  return block.taken;  // no lane gets to change it before all have come to the next meeting
}

template <typename T>
T exchange(const char* operation, unsigned mask, T value, int from) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  const uint64_t taken = meet(operation, mask, bits)[from];
  std::memcpy(&value, &taken, sizeof value);
  return value;
}

}  // namespace emulator

// What -fsanitize=alignment calls: a GPU does not put up with what a CPU does.
extern "C" void __ubsan_handle_type_mismatch_v1(void*, void*) {
  emulator::fail("misaligned address");
}

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(threads)
#define __align__(bytes) alignas(bytes)
#define __shared__ __attribute__((section("cuda_shared")))
#define threadIdx (emulator::Index{emulator::device.running->number})
#define blockIdx (emulator::Index{emulator::device.running->block->number})
#define HALF_TO_FLOAT(value, bits) value = emulator::half_to_float(bits)

namespace emulator {
struct Index {
  int x;
};
float half_to_float(unsigned short bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const float size = exponent == 31  ? (mantissa ? NAN : INFINITY)
                     : exponent == 0 ? std::ldexp(mantissa, -24)
                                     : std::ldexp(mantissa + 1024, exponent - 25);
  return bits >> 15 ? -size : size;
}
}  // namespace emulator

template <typename A, typename B>
auto min(A a, B b) {
  return b < a ? b : a;
}
int __clz(unsigned word) { return word ? __builtin_clz(word) : 32; }
float __uint_as_float(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
unsigned __float_as_uint(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

template <typename T>
T __shfl_sync(unsigned mask, T value, int from) {
  return emulator::exchange("shfl", mask, value, from % emulator::kWarp);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, int by) {
  const int lane = threadIdx.x;
  return emulator::exchange("shfl_up", mask, value, lane < by ? lane : lane - by);
}
int __all_sync(unsigned mask, int holds) {
  const uint64_t* taken = emulator::meet("all", mask, holds != 0);
  for (int i = 0; i < emulator::kWarp; ++i)
    if (!taken[i]) return 0;
  return 1;
}
void __syncwarp() { emulator::meet("syncwarp", 0xffffffffu, 0); }
void __threadfence() {  // of what other lanes stored before they met this one, too
  for (emulator::Lane& lane : emulator::device.running->block->lanes) emulator::see_all(lane);
}
unsigned long long atomicAdd(unsigned long long* place, unsigned long long more) {
  const unsigned long long before = *place;
  *place += more;
  return before;
}
void __stcg(uint4* place, uint4 value) {
  unsigned* words = reinterpret_cast<unsigned*>(place);
  auto& unseen = emulator::device.running->unseen;
  unseen[words] = value.x, unseen[words + 1] = value.y;
  unseen[words + 2] = value.z, unseen[words + 3] = value.w;
}
unsigned __ldcg(const unsigned* place) {  // a block sees its own stores
  for (const emulator::Lane& lane : emulator::device.running->block->lanes) {
    const auto found = lane.unseen.find(const_cast<unsigned*>(place));
    if (found != lane.unseen.end()) return found->second;
  }
  return *place;
}

#include SOURCE

namespace emulator {

struct Arguments {
  const Score* scores;
  int64 item_stride, frame_stride, symbol_stride;
  const int64 *text_lengths, *spec_lengths;
  int64* durations;
  unsigned* steps;
  uint64* signals;
  int n_items, n_frames, n_symbols;
};
static Arguments arguments;

void run_lane() {
  const Arguments& a = arguments;
  search(a.scores, a.item_stride, a.frame_stride, a.symbol_stride, a.text_lengths, a.spec_lengths,
         a.durations, a.steps, a.signals, a.n_items, a.n_frames, a.n_symbols);
  Lane& lane = *device.running;
  Block& block = *lane.block;
  device.unseen.insert(lane.unseen.begin(), lane.unseen.end());
  lane.ended = true;
  if (++block.n_ended && block.n_there)
    fail(std::string(block.meeting) + " waits for a lane that has ended");
  give_way();
}

std::unique_ptr<Block> begin(int number, size_t n_shared) {
  auto block = std::make_unique<Block>();
  block->number = number;
  block->shared.assign(n_shared, static_cast<char>(0xff));  // NaN in every float
  for (int i = 0; i < kWarp; ++i) {
    Lane& lane = block->lanes[i];
    lane.block = block.get();
    lane.number = i;
    getcontext(&lane.context);
    lane.context.uc_stack.ss_sp = lane.stack.get();
    lane.context.uc_stack.ss_size = kStackBytes;
    makecontext(&lane.context, run_lane, 0);
  }
  return block;
}

// Runs one lane to where it gives way.
void run(Lane& lane) {
  const size_t n_shared = __stop_cuda_shared - __start_cuda_shared;
  if (device.in_shared != lane.block) {
    if (device.in_shared)
      device.in_shared->shared.assign(__start_cuda_shared, __stop_cuda_shared);
    std::memcpy(__start_cuda_shared, lane.block->shared.data(), n_shared);
    device.in_shared = lane.block;
  }
  device.running = &lane;
  swapcontext(&device.scheduler, &lane.context);
  if (device.chance() % 64 == 0) see_all(lane);
}

}  // namespace emulator

// table: addresses of the kernel's arguments, as cuLaunchKernel takes them. Returns what went
// wrong, empty if nothing.
extern "C" const char* emulate(void** table, int n_blocks, int n_resident, unsigned seed) {
  using namespace emulator;
  device.error.clear();
  device.chance.seed(seed);
  device.in_shared = nullptr;
  device.unseen.clear();
  Arguments& a = arguments;
  const auto take = [&table](auto& argument) {
    argument = *static_cast<std::remove_reference_t<decltype(argument)>*>(*table++);
  };
  take(a.scores), take(a.item_stride), take(a.frame_stride), take(a.symbol_stride);
  take(a.text_lengths), take(a.spec_lengths), take(a.durations), take(a.steps), take(a.signals);
  take(a.n_items), take(a.n_frames), take(a.n_symbols);

  std::vector<int> to_begin(n_blocks);
  for (int i = 0; i < n_blocks; ++i) to_begin[i] = i;
  std::shuffle(to_begin.begin(), to_begin.end(), device.chance);
  std::vector<std::unique_ptr<Block>> resident;
  const size_t n_shared = __stop_cuda_shared - __start_cuda_shared;
  // A block's lanes take a turn or two for each frame, and as many again for every block beside it
  // that only looks whether it may go on.
  int64_t n_turns = int64_t{64} * kWarp * n_blocks * (a.n_frames + 64);
  while (!to_begin.empty() || !resident.empty()) {
    if (!to_begin.empty() && static_cast<int>(resident.size()) < n_resident) {
      resident.push_back(begin(to_begin.back(), n_shared));
      to_begin.pop_back();
      continue;
    }
    // A block runs for a while, as lanes that never leave their block would hide nothing.
    const size_t which = device.chance() % resident.size();
    Block& block = *resident[which];
    for (int turn = device.chance() % 4096; turn >= 0 && block.n_ended < kWarp; --turn) {
      Lane* lane;
      do lane = &block.lanes[device.chance() % kWarp];
      while (lane->waits || lane->ended);
      run(*lane);
      if (!device.error.empty()) return device.error.c_str();
      if (--n_turns < 0) return "no progress: blocks wait for each other for ever";
    }
    if (block.n_ended == kWarp) {
      if (device.in_shared == &block) device.in_shared = nullptr;
      resident.erase(resident.begin() + which);
    }
  }
  return "";
}
