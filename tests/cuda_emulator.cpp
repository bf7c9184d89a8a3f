// Runs tile.cu and search.cu on the CPU, every thread of every block: as a fiber that gives way
// wherever the threads of a warp meet (shuffle, vote, syncwarp) or those of a block (syncthreads),
// so that between two meetings they run in any order that the seed says. Made to show what a GPU
// may do and a kind one does not:
//
// - Blocks begin in any order, and only n_resident of them run at once.
// - Shared memory begins as garbage.
// - What __stcg stores stays unseen by other blocks until a __threadfence of its own, or for as
//   long as chance has it, even if the block has ended.
// - Threads of a warp that meet in different operations, threads that wait for one which has ended,
//   and a block in which all wait, some for the warp and some for the block, are errors; so is a
//   kernel that makes no progress.
//
// Build: g++ -shared -DSCORE=float -DSYMBOLS_ADJOIN=1 -DSOURCE='"kernel.cu"' cuda_emulator.cpp

#include <setjmp.h>
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
constexpr size_t kStackBytes = 16 << 10;

struct Block;

// Where a warp's lanes, or all of a block's, wait until the last of them has come.
struct Meeting {
  const char* operation = nullptr;  // that they have come to
  std::vector<struct Lane*> there;
  int n_members = 0, n_ended = 0;
  uint64_t brought[kWarp], taken[kWarp];  // by the lanes of a warp
};

struct Lane {
  ucontext_t context;  // to begin in; to go on, a jump to `place`, as swapcontext is a system call
  jmp_buf place;
  bool begun = false;
  std::unique_ptr<char[]> stack{new char[kStackBytes]};
  Block* block;
  Meeting* warp;
  int number;  // in the block
  std::unordered_map<unsigned*, unsigned> unseen;  // stores that other blocks do not see yet
};

struct Block {
  int number;
  std::vector<Lane> lanes;
  std::vector<Meeting> warps;
  Meeting all;
  std::vector<Lane*> ready;  // neither wait nor have ended
  std::vector<char> shared;  // its shared memory while another block runs
  Block(int number, int n_threads) : number(number), lanes(n_threads), warps(n_threads / kWarp) {}
};

struct Device {
  std::mt19937 chance;
  jmp_buf scheduler;
  std::string error;
  Lane* running = nullptr;
  Block* in_shared = nullptr;  // whose shared memory lies in place
  std::unordered_map<unsigned*, unsigned> unseen;  // of lanes that have ended
};
static Device device;

// All __shared__ variables lie in one section of the library, which every block has its own of.
extern "C" char __start_cuda_shared[], __stop_cuda_shared[];

void give_way() {
  if (!_setjmp(device.running->place)) _longjmp(device.scheduler, 1);
}

void fail(const std::string& what) {
  if (device.error.empty()) device.error = what;
  while (true) give_way();
}

void see_all(Lane& lane) {
  for (auto [place, value] : lane.unseen) *place = value;
  lane.unseen.clear();
}

void come_to(Meeting& meeting, const char* operation) {
  if (!meeting.there.empty() && std::strcmp(meeting.operation, operation))
    fail(std::string("lanes meet in ") + operation + " and " + meeting.operation);
  if (meeting.n_ended) fail(std::string(operation) + " waits for a lane that has ended");
  Lane* lane = device.running;
  std::vector<Lane*>& ready = lane->block->ready;
  ready.erase(std::find(ready.begin(), ready.end(), lane));
  meeting.operation = operation;
  meeting.there.push_back(lane);
  if (static_cast<int>(meeting.there.size()) == meeting.n_members) {
    std::memcpy(meeting.taken, meeting.brought, sizeof meeting.taken);
    ready.insert(ready.end(), meeting.there.begin(), meeting.there.end());
    meeting.there.clear();
  }
  give_way();
}

// Each lane of a warp brings a value; when all have, each sees what the others brought.
const uint64_t* meet(const char* operation, unsigned mask, uint64_t value) {
  if (mask != 0xffffffffu) fail(std::string(operation) + " of only a part of the warp");
  Meeting& warp = *device.running->warp;
  warp.brought[device.running->number % kWarp] = value;
  come_to(warp, operation);
  return warp.taken;  // no lane gets to change it before all have come to the next meeting
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

#include "cuda_functions.h"
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
  for (Meeting* meeting : {lane.warp, &block.all}) {
    ++meeting->n_ended;
    if (!meeting->there.empty())
      fail(std::string(meeting->operation) + " waits for a lane that has ended");
  }
  block.ready.erase(std::find(block.ready.begin(), block.ready.end(), &lane));
  give_way();
}

std::unique_ptr<Block> begin(int number, int n_threads, size_t n_shared) {
  auto block = std::make_unique<Block>(number, n_threads);
  block->all.n_members = n_threads;
  block->shared.assign(n_shared, static_cast<char>(0xff));  // NaN in every float
  for (int i = 0; i < n_threads; ++i) {
    Lane& lane = block->lanes[i];
    lane.block = block.get();
    lane.warp = &block->warps[i / kWarp];
    lane.warp->n_members = kWarp;
    block->ready.push_back(&lane);
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
  if (!_setjmp(device.scheduler)) {
    if (lane.begun) _longjmp(lane.place, 1);
    lane.begun = true;
    setcontext(&lane.context);
  }
  if (device.chance() % 64 == 0) see_all(lane);
}

}  // namespace emulator

// table: addresses of the kernel's arguments, as cuLaunchKernel takes them. Returns what went
// wrong, empty if nothing.
extern "C" const char* emulate(void** table, int n_blocks, int n_threads, int n_resident,
                               unsigned seed) {
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
      resident.push_back(begin(to_begin.back(), n_threads, n_shared));
      to_begin.pop_back();
      continue;
    }
    // A block runs for a while, as lanes that never leave their block would hide nothing.
    const size_t which = device.chance() % resident.size();
    Block& block = *resident[which];
    for (int turn = device.chance() % 4096; turn >= 0 && !block.ready.empty(); --turn) {
      run(*block.ready[device.chance() % block.ready.size()]);
      if (!device.error.empty()) return device.error.c_str();
      if (--n_turns < 0) return "no progress: blocks wait for each other for ever";
    }
    if (block.ready.empty()) {
      if (block.all.n_ended < n_threads) return "all threads of a block wait for each other";
      if (device.in_shared == &block) device.in_shared = nullptr;
      resident.erase(resident.begin() + which);
    }
  }
  return "";
}
