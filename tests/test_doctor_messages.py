"""Messages of many programs are explained by the row meant for them, and others by none."""

import numpy as np
import pytest
import soundfile

from vits.doctor.error_table import ROWS, SYMPTOMS, row_for, symptom_for
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
    (
        "error: command '/usr/bin/x86_64-linux-gnu-gcc' failed with exit code 1",
        "compiler_missing",
    ),
    (
        "error: Microsoft Visual C++ 14.0 or greater is required.",
        "compiler_missing",
    ),
    (
        "cythonize: command not found",
        "compiler_missing",
    ),
    (
        "fatal error LNK1120: 158 unresolved externals",
        "compiler_missing",
    ),
    (
        "OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root.",
        "gpu_extension",
    ),
    (
        "RuntimeError: The detected CUDA version (12.3) mismatches the version that was used to compile PyTorch (11.8).",
        "gpu_extension",
    ),
    (
        "ERROR: Could not find a version that satisfies the requirement pytorch-lightning==1.7.7",
        "pip_finds_none",
    ),
    (
        "error: externally-managed-environment",
        "pip_finds_none",
    ),
    (
        "ImportError: attempted relative import with no known parent package",
        "relative_import",
    ),
    (
        "OSError: [Errno 24] Too many open files: 'wavs/a.wav'",
        "too_many_files",
    ),
    (
        "RuntimeError: Distributed package doesn't have NCCL built in",
        "processes_do_not_meet",
    ),
    (
        "RuntimeError: use_libuv was requested but PyTorch was build without libuv support",
        "processes_do_not_meet",
    ),
    (
        "KeyError: 'RANK'",
        "processes_do_not_meet",
    ),
    (
        "RuntimeError: CUDA error: an illegal memory access was encountered",
        "illegal_access",
    ),
    (
        "Segmentation fault (core dumped)",
        "crash",
    ),
    (
        "AttributeError: Can't pickle local object 'main.<locals>.<lambda>'",
        "loader_start",
    ),
    (
        "RuntimeError: cuFFT error: CUFFT_INTERNAL_ERROR",
        "cudnn",
    ),
    (
        "AssertionError: CPU training is not allowed.",
        "cuda_unavailable",
    ),
    (
        "requests.exceptions.SSLError: HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded",
        "network",
    ),
    (
        "Gen Loss Total :  nan",
        "nan_loss",
    ),
    (
        " > Detected NaN",
        "nan_loss",
    ),
    (
        "step 10 of 30, epoch 1: 5.1 samples/s, discriminator nan mel nan",
        "nan_loss",
    ),
    (
        "RuntimeError: min(): Expected reduction dim to be specified for input.numel() == 0.",
        "nan_loss",
    ),
    (
        "FutureWarning: torch.nn.utils.weight_norm is deprecated in favor of parametrizations.weight_norm.",
        "weight_norm",
    ),
    (
        "KeyError: \"param 'initial_lr' is not specified in param_groups[0] when resuming an optimizer\"",
        "optimizer_state",
    ),
    (
        "INFO:root:emb_g.weight is not in the checkpoint",
        "size_mismatch",
    ),
    (
        "RuntimeError: Argument #4: Padding size should be less than the corresponding input dimension",
        "kernel_size",
    ),
    (
        "UserWarning: Using a target size (torch.Size([24, 80, 8])) that is different to the input size (torch.Size([24, 80, 16])).",
        "tensor_size",
    ),
    (
        "RuntimeError: shape '[1, 1, 38514]' is invalid for input of size 77028",
        "two_channels",
    ),
    (
        "RuntimeError: Expected all tensors to be on the same device, but found at least two devices",
        "two_devices",
    ),
    (
        "RuntimeError: one of the variables needed for gradient computation has been modified by an inplace operation",
        "autograd",
    ),
    (
        "torch.fx.experimental.symbolic_shapes.GuardOnDataDependentSymNode: Could not guard on data-dependent expression Eq(u2, 1)",
        "onnx_export",
    ),
    (
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 3 column 5",
        "not_json",
    ),
    (
        "train.py: error: unrecognized arguments: --restore_form x",
        "wrong_arguments",
    ),
    (
        "AssertionError: Only support 24kHz audio",
        "sample_rate",
    ),
    (
        "AssertionError: Not enough columns",
        "too_many_values",
    ),
    (
        "ValueError: n must be at least one",
        "no_utterances",
    ),
    (
        "ZeroDivisionError: integer division or modulo by zero",
        "no_utterances",
    ),
    (
        " > Total eval samples after filtering: 0",
        "no_utterances",
    ),
    (
        "Num. instances discarded samples: 252",
        "left_out",
    ),
    (
        "TypeError: conv1d() received an invalid combination of arguments - got (NoneType, Parameter, ...",
        "unknown_speaker",
    ),
    (
        "KeyError: 'Bob'",
        "name_missing",
    ),
    (
        "OSError: facebook/mms does not appear to have a file named preprocessor_config.json.",
        "hub_file",
    ),
    (
        "Entry Not Found for url: D_100000.pth",
        "discriminator_missing",
    ),
]
HEARD = [  # what a person says of a voice, kind of its row; the rows of the guide among them
    ("The voice sounds robotic", "robotic"),
    ("buzzing", "robotic"),
    ("Роботизиран или бръмчащ глас", "robotic"),
    ("it skips words and repeats others", "skipped_words"),
    ("Пропускане или повтаряне на думи", "skipped_words"),
    ("wrong pronunciation of names", "wrong_pronunciation"),
    ("Грешно произношение", "wrong_pronunciation"),
    ("all speakers sound the same", "lost_speaker"),
    ("loss of speaker identity", "lost_speaker"),
    ("Загуба на идентичността на говорителя", "lost_speaker"),
    ("the model does not converge", "slow_learning"),
    ("Бавна конвергенция", "slow_learning"),
    ("training is unstable", "unstable"),
    ("Нестабилно обучение", "unstable"),
    ("it only says gibberish", "gibberish"),
    ("hissing in the background", "noisy_voice"),
    ("it speaks too fast", "wrong_speed"),
]
INNOCENT = (
    "step 175 of 185000 (4.6 h to go), epoch 0: 9.3 samples/s, discriminator 2.873 mel 0.689",
    "INFO:my_voice:Train Epoch: 1 [12%]",
    "alignment backend: cpu, because the compiled library loaded (avx512 instructions)",
    "saved checkpoints/step_00001000.pt",
    "Loading faster-whisper model",
    "> Number of output frames: 7",
    "validation: the mel error 0.531 is the best so far, information saved",
    "skipped 0 samples",
)


@pytest.mark.parametrize("message, kind", MESSAGES)
def test_a_message_is_explained_by_its_row(message, kind):
    row = row_for(message)
    assert row is not None and row.kind == kind
    found = examine_message(f"loading\nstep 12 of 100\n{message}\n").findings
    assert [finding.kind for finding in found] == [kind] and found[0].fix == row.fix
    decorated = f"[rank0]: \x1b[1;31m{message.strip()}\x1b[0m"
    assert is_telling(decorated)
    assert [finding.kind for finding in examine_message(decorated).findings] == [kind]


@pytest.mark.parametrize("words, kind", HEARD)
def test_what_is_heard_is_explained_but_no_line_of_a_log_is(words, kind):
    (found,) = examine_message(words).findings
    assert (found.kind, found.severity) == (kind, "warning") and "vits" in found.fix + found.why
    assert symptom_for(words).kind == kind and not is_telling(words) and row_for(words) is None


def test_over_forty_messages_and_every_row_is_tried():
    assert len(MESSAGES) >= 40
    untried = {row.kind for row in ROWS} - {kind for _, kind in MESSAGES}
    assert untried <= {"reduction_factor"}
    assert {row.kind for row in SYMPTOMS} == {kind for _, kind in HEARD}
    kinds = [row.kind for row in (*ROWS, *SYMPTOMS)]
    assert len(kinds) == len(set(kinds))
    for row in (*ROWS, *SYMPTOMS):
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
    assert (found.kind, found.fix) == ("own_message", "write one")
    assert found.title == "data/x: found no list of utterances, expected train.csv"


@pytest.mark.parametrize("line", ["error: metadata-generation-failed", "error: frobnication"])
def test_a_message_of_another_program_is_not_taken_for_our_own(line):
    (found,) = examine_message(f"{line}\n").findings
    assert found.kind in ("pip_finds_none", "unknown_message")


def test_an_error_without_words_is_explained_by_its_line_of_code():
    text = (
        "Traceback (most recent call last):\n"
        '  File "transforms.py", line 160, in spline\n'
        "    assert (discriminant >= 0).all()\n"
        "           ^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "AssertionError\n"
    )
    assert [found.kind for found in examine_message(text).findings] == ["nan_loss"]


def test_code_in_a_traceback_of_a_rank_is_no_error():
    text = (
        "[rank1]: Traceback (most recent call last):\n"
        '[rank1]:   File "a.py", line 3, in f\n'
        '[rank1]:     raise OddError("CUDA out of memory")\n'
        "[rank1]: OddError: it is odd\n"
    )
    (found,) = examine_message(text).findings
    assert found.kind == "unknown_message" and "OddError: it is odd" in found.why


def test_a_harmless_message_is_a_note():
    (found,) = examine_message("FutureWarning: torch.nn.utils.weight_norm is deprecated").findings
    assert found.severity == "note"


def test_a_line_that_comes_a_thousand_times_makes_a_hundred_cases():
    text = "".join(f"Gen Loss Total : nan at {i}\n" for i in range(1000))
    (found,) = examine_message(text).findings
    assert (len(found.cases), found.n_cases) == (100, 1000)


def test_what_can_be_measured_here_is_measured(monkeypatch):
    def told(message):
        (found,) = examine_message(message).findings
        return {case.place: case.detail for case in found.cases}.get("on this computer", "")

    assert "GiB are free on the disk of" in told("OSError: [Errno 28] No space left on device")
    assert told("ModuleNotFoundError: No module named 'frob.x'") == "frob is not installed"
    assert told("ModuleNotFoundError: No module named 'numpy'") == "numpy is installed"
    assert "torch" in told("RuntimeError: CUDA out of memory")
    assert told("KeyError: 'Bob'") == ""


def test_an_unknown_message_says_so_and_gives_the_line_that_tells_most():
    (found,) = examine_message("a\nFrobnicateError: it went wrong\nb\n").findings
    assert found.kind == "unknown_message" and "FrobnicateError: it went wrong" in found.why


def test_the_rows_of_the_guide_are_told_in_bulgarian_too():
    (table,) = examine_message("RuntimeError: CUDA out of memory").tables
    assert table.rows[0][1].startswith("Намалете train.batch_size")
