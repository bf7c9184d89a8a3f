"""A waveform made piece by piece, with the samples of the whole.

Not in the papers. A generator has no memory: a frame's samples depend on that frame and on a few at
either side. So it can run over any stretch of frames that has those few around it, and what it
makes of them is cut off: memory stays flat however long the recording, and sound comes at once.

Axes: T frames at the input, T_wav = T * hop_length samples at the output.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from hifigan.config import GeneratorConfig

END_REACH = 3  # of the first and the last convolution, kernel 7, to either side


def needed_context(config: GeneratorConfig) -> int:
    """How many frames to either side a frame's samples depend on: the side that reaches further.

    Found from the output back: the first sample of frame 0 and the last one go through every layer
    to the earliest and the latest position that they depend on.
    """
    first, last = 0, config.hop_length - 1
    if head := config.inverse_stft:
        for rate, kernel_size in ((head.n_bands, head.n_taps), (head.hop_length, head.n_fft)):
            first, last = _through_transposed(first, last, rate, kernel_size)
    first, last = first - END_REACH, last + END_REACH
    reach = _resblocks_reach(config)
    stages = list(zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True))
    for rate, kernel_size in reversed(stages):
        first, last = _through_transposed(first - reach, last + reach, rate, kernel_size)
    return max(END_REACH - first, last + END_REACH)


def in_chunks(
    generator: Callable[[Tensor], Tensor], frames: Tensor, chunk_frames: int, context_frames: int
) -> Iterator[Tensor]:
    """The waveform of some frames in pieces of `chunk_frames` frames, the last one maybe shorter.

    generator: [B, C, T] to [B, 1, T_wav], any function that makes the same number of samples of
    every frame; frames: [B, C, T]; context_frames: at either side of a chunk, as many as
    needed_context says, or more. Yields [B, 1, T_piece]; joined they are what the generator makes
    of all the frames, since the zeros that it pads with reach into none but the true ends.
    """
    if chunk_frames < 1 or context_frames < 0:
        raise ValueError(
            f"chunks of {chunk_frames} frames with {context_frames} of context; "
            f"expected 1 or more, and 0 or more"
        )
    n_frames = frames.shape[-1]
    for start in range(0, n_frames, chunk_frames):
        stop = min(start + chunk_frames, n_frames)
        yield make_piece(generator, frames, start, stop, context_frames)


def make_piece(
    generator: Callable[[Tensor], Tensor],
    frames: Tensor,
    start: int,
    stop: int,
    context_frames: int,
) -> Tensor:
    """The samples [B, 1, T_piece] of the frames from `start` to before `stop`; see in_chunks."""
    begin, end = max(0, start - context_frames), min(frames.shape[-1], stop + context_frames)
    wav_hat = generator(frames[..., begin:end])
    hop_length = wav_hat.shape[-1] // (end - begin)
    return wav_hat[..., (start - begin) * hop_length : (stop - begin) * hop_length]


def make_together(
    generator: Callable[[Tensor], Tensor], frames: Sequence[Tensor], context_frames: int
) -> list[Tensor]:
    """The waveforms [T_wav] of some frames [C, T] in one batch, each as if it were alone.

    The shorter ones are padded, which reaches into their last context_frames frames; these are
    made again, of the ends alone.
    """
    n_end = 2 * context_frames
    if len(frames) == 1 or min(item.shape[1] for item in frames) < n_end:
        return [generator(item[None])[0, 0] for item in frames]
    padded = torch.nn.utils.rnn.pad_sequence([item.T for item in frames], batch_first=True)
    wavs_hat = generator(padded.transpose(1, 2))[:, 0]
    ends = generator(torch.stack([item[:, -n_end:] for item in frames]))[:, 0]
    hop_length = ends.shape[1] // n_end
    n_remade = context_frames * hop_length
    return [
        torch.cat([wav_hat[: item.shape[1] * hop_length - n_remade], end[-n_remade:]])
        for item, wav_hat, end in zip(frames, wavs_hat, ends, strict=True)
    ]


def _through_transposed(first: int, last: int, rate: int, kernel_size: int) -> tuple[int, int]:
    """The inputs of a transposed convolution that its samples from `first` to `last` are made of.

    Sample n is made of the inputs i for which n + padding - i * rate is a position of the kernel:
    from 0 to kernel_size - 1.
    """
    padding = (kernel_size - rate + 1) // 2
    return -((kernel_size - 1 - padding - first) // rate), (last + padding) // rate  # up, and down


def _resblocks_reach(config: GeneratorConfig) -> int:
    """Samples to either side that the widest residual block of a stage depends on."""
    plain = 1 if config.resblock == "1" else 0  # a convolution without dilation after each
    return max(
        sum((dilation + plain) * (size // 2) for dilation in dilations)
        for size, dilations in zip(
            config.resblock_kernel_sizes, config.resblock_dilations, strict=True
        )
    )
