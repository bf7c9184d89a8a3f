// What a kernel finds in CUDA without including anything, as cuda_emulator.cpp has it: only what
// search.cu and tile.cu use.

// What -fsanitize=alignment calls: a GPU does not put up with what a CPU does.
extern "C" void __ubsan_handle_type_mismatch_v1(void*, void*) {
  emulator::fail("misaligned address");
}

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)
#define __shared__ __attribute__((section("cuda_shared")))
#define threadIdx (emulator::Index{emulator::device.running->number})
#define blockIdx (emulator::Index{emulator::device.running->block->number})
#define MEET() __syncthreads()
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
template <typename A, typename B>
auto max(A a, B b) {
  return a < b ? b : a;
}
int __popc(unsigned word) { return __builtin_popcount(word); }
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
float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
unsigned __funnelshift_l(unsigned low, unsigned high, unsigned by) {
  return by % 32 ? high << by % 32 | low >> (32 - by % 32) : high;
}
float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

template <typename T>
T __shfl_sync(unsigned mask, T value, int from) {
  return emulator::exchange("shfl", mask, value, from % emulator::kWarp);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, int by) {
  const int lane = threadIdx.x % emulator::kWarp;
  return emulator::exchange("shfl_up", mask, value, lane < by ? lane : lane - by);
}
unsigned __ballot_sync(unsigned mask, int holds) {
  const uint64_t* taken = emulator::meet("ballot", mask, holds != 0);
  unsigned word = 0;
  for (int i = 0; i < emulator::kWarp; ++i) word |= static_cast<unsigned>(taken[i]) << i;
  return word;
}
int __all_sync(unsigned mask, int holds) {
  const uint64_t* taken = emulator::meet("all", mask, holds != 0);
  for (int i = 0; i < emulator::kWarp; ++i)
    if (!taken[i]) return 0;
  return 1;
}
void __syncwarp() { emulator::meet("syncwarp", 0xffffffffu, 0); }
void __syncthreads() { emulator::come_to(emulator::device.running->block->all, "syncthreads"); }
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
