"""Messages of many programs are explained by the row meant for them, and others by none."""

import numpy as np
import pytest
import soundfile

from vits.doctor.error_table import ROWS, row_for
from vits.doctor.messages import examine_message, is_telling

MESSAGES = [  # message, kind of its row
    (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 has",
        "cuda_out_of_memory",
    ),
    (
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuda_out_of_memory",
    ),
    (
        "RuntimeError: DataLoader worker (pid 4242) is killed by signal: Killed.",
        "host_out_of_memory",
    ),
    (
        "RuntimeError: [enforce fail at alloc_cpu.cpp:83] . DefaultCPUAllocator: can't allocate memory",
        "host_out_of_memory",
    ),
    ("RuntimeError: DataLoader worker (pid(s) 77) exited unexpectedly", "host_out_of_memory"),
    (
        "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm).",
        "shared_memory",
    ),
    ("OSError: [Errno 28] No space left on device", "disk_full"),
    (
        "RuntimeError: Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got torch.FloatTensor instead",
        "indices_not_long",
    ),
    (
        "IndexError: tensors used as indices must be long, int, byte or bool tensors",
        "indices_not_long",
    ),
    ("RuntimeError: expected scalar type Float but found Double", "float_and_double"),
    ("RuntimeError: expected scalar type Half but found Float", "float_and_double"),
    (
        "RuntimeError: Input type (torch.cuda.HalfTensor) and weight type (torch.cuda.FloatTensor) should be the same",
        "float_and_double",
    ),
    (
        "RuntimeError: mat1 and mat2 must have the same dtype, but got Float and Half",
        "float_and_double",
    ),
    ("ValueError: too many values to unpack (expected 2)", "too_many_values"),
    ("ValueError: not enough values to unpack (expected 3, got 2)", "too_many_values"),
    ("KeyError: 'speaker_id'", "unknown_speaker"),
    ("Loss is NaN at step 1200", "nan_loss"),
    (
        "RuntimeError: Function 'ConvolutionBackward0' returned nan values in its 0th output.",
        "nan_loss",
    ),
    ("INFO loss_gen = nan, stopping", "nan_loss"),
    ("ModuleNotFoundError: No module named 'monotonic_align.core'", "monotonic_align"),
    ("RuntimeError: espeak not installed on your system", "espeak_missing"),
    ("ImportError: TorchCodec is required for load_with_torchcodec.", "torchcodec"),
    (
        "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96",
        "numpy_abi",
    ),
    ("AttributeError: module 'numpy' has no attribute 'float'.", "numpy_abi"),
    ("ModuleNotFoundError: No module named 'pkg_resources'", "pkg_resources"),
    ("ModuleNotFoundError: No module named 'unidecode'", "module_missing"),
    (
        "ImportError: cannot import name 'LightningCLI' from 'pytorch_lightning.cli'",
        "module_missing",
    ),
    (
        "size mismatch for enc_p.emb.weight: copying a param with shape torch.Size([178, 192])",
        "size_mismatch",
    ),
    (
        'RuntimeError: Error(s) in loading state_dict for SynthesizerTrn: Missing key(s) in state_dict: "emb_g.weight"',
        "size_mismatch",
    ),
    (
        "_pickle.UnpicklingError: Weights only load failed. This file can still be loaded",
        "weights_only",
    ),
    ("_pickle.UnpicklingError: invalid load key, '<'.", "weights_only"),
    (
        "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory",
        "weights_only",
    ),
    ("[rank1]:[E ProcessGroupNCCL.cpp:616] Watchdog caught collective operation timeout", "nccl"),
    ("torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed", "nccl"),
    (
        "RuntimeError: The server socket has failed to bind to [::]:29500 (errno: 98 - Address already in use).",
        "address_in_use",
    ),
    (
        "RuntimeError: Expected to have finished reduction in the prior iteration before starting a new one.",
        "ddp_unused",
    ),
    (
        "RuntimeError: CUDA error: no kernel image is available for execution on the device",
        "no_kernel_image",
    ),
    ("AssertionError: Torch not compiled with CUDA enabled", "cuda_unavailable"),
    ("RuntimeError: Found no NVIDIA driver on your system.", "cuda_unavailable"),
    ("RuntimeError: CUDA error: device-side assert triggered", "device_assert"),
    ("IndexError: index out of range in self", "device_assert"),
    ("RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", "cudnn"),
    (
        "RuntimeError: Calculated padded input size per channel: (2). Kernel size: (5). Kernel size can't be greater than actual input size",
        "kernel_size",
    ),
    (
        "RuntimeError: The size of tensor a (32) must match the size of tensor b (31) at non-singleton dimension 2",
        "tensor_size",
    ),
    (
        "TypeError: forward() missing 1 required positional argument: 'spec_lengths'",
        "missing_argument",
    ),
    (
        "RuntimeError: stft requires the return_complex parameter be given for real inputs",
        "stft_complex",
    ),
    ("TypeError: mel() takes 0 positional arguments but 5 were given", "librosa_mel"),
    ("AttributeError: 'FigureCanvasAgg' object has no attribute 'tostring_rgb'", "matplotlib"),
    ("ModuleNotFoundError: No module named 'tensorboard'", "tensorboard_missing"),
    ("soundfile.LibsndfileError: Error opening 'a.wav': Format not recognised.", "sound_format"),
    ("ValueError: 48000 SR doesn't match target 22050 SR", "sample_rate"),
    (
        "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xcf in position 3: invalid continuation byte",
        "not_utf8",
    ),
    (
        "ValueError: num_samples should be a positive integer value, but got num_samples=0",
        "no_utterances",
    ),
    ("WARNING:piper: Missing phoneme from id map: ̩", "unknown_symbol"),
    ("KeyError: 'ъ'", "unknown_symbol"),
    (
        "FileNotFoundError: [Errno 2] No such file or directory: 'DUMMY1/LJ045-0096.wav'",
        "file_missing",
    ),
    ("PermissionError: [Errno 13] Permission denied: '/data/x'", "permission"),
    ("KeyboardInterrupt", "interrupted"),
]
INNOCENT = (
    "step 175 of 185000 (4.6 h to go), epoch 0: 9.3 samples/s, discriminator 2.873 mel 0.689",
    "INFO:my_voice:Train Epoch: 1 [12%]",
    "alignment backend: cpu, because the compiled library loaded (avx512 instructions)",
    "saved checkpoints/step_00001000.pt",
    "Loading faster-whisper model",
    "> Number of output frames: 7",
)


@pytest.mark.parametrize("message, kind", MESSAGES)
def test_a_message_is_explained_by_its_row(message, kind):
    row = row_for(message)
    assert row is not None and row.kind == kind
    found = examine_message(f"loading\nstep 12 of 100\n{message}\n").findings
    assert [finding.kind for finding in found] == [kind] and found[0].fix == row.fix


def test_over_forty_messages_and_every_row_is_tried():
    assert len(MESSAGES) >= 40
    untried = {row.kind for row in ROWS} - {kind for _, kind in MESSAGES}
    assert untried <= {"reduction_factor", "discriminator_missing"}
    for row in ROWS:
        assert row.means.endswith(".") and row.cause.endswith(".") and row.fix


@pytest.mark.parametrize("line", INNOCENT)
def test_lines_of_progress_are_explained_by_none(line):
    assert row_for(line) is None and not is_telling(line)
    assert [f.kind for f in examine_message(line).findings] == ["unknown_message"]


def test_of_a_traceback_the_last_line_counts_and_files_in_it_are_looked_at(tmp_path):
    path = tmp_path / "a b.wav"
    soundfile.write(path, np.zeros((800, 2)), 48000)
    text = (
        "Traceback (most recent call last):\n"
        '  File "train.py", line 12, in <module>\n'
        "    loss, mel = train_and_evaluate(rank, epoch)  # too many values to unpack\n"
        f"ValueError: 48000 SR doesn't match target 22050 SR in '{path}' or '{tmp_path}/gone.wav'\n"
    )
    (found,) = examine_message(text).findings
    assert found.kind == "sample_rate"
    told = {case.place: case.detail for case in found.cases if case.place}
    assert told[str(path)] == "48000 Hz, 2 channels, 0.02 s; opens well"
    assert "is not there" in told[f"{tmp_path}/gone.wav"]


def test_our_own_messages_say_themselves_what_to_do():
    said = "data/x: found no list of utterances, expected train.csv; write one"
    (found,) = examine_message(f"error: {said}\n").findings
    assert (found.kind, found.title, found.fix) == ("own_message", said, "write one")


def test_an_unknown_message_says_so_and_gives_the_line_that_tells_most():
    (found,) = examine_message("a\nFrobnicateError: it went wrong\nb\n").findings
    assert found.kind == "unknown_message" and "FrobnicateError: it went wrong" in found.why


def test_the_rows_of_the_guide_are_told_in_bulgarian_too():
    (table,) = examine_message("RuntimeError: CUDA out of memory").tables
    assert "Намалете train.batch_size" in table.rows[0][2]
