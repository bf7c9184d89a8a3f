"""Error messages of torch, this trainer and its relatives: what each means, and what to do."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    kind: str
    pattern: str  # regular expression, of the line that tells
    means: str
    cause: str
    fix: str
    bulgarian: str = ""  # the fix in Bulgarian, for readers of the Bulgarian guide


ROWS = (  # the first that fits counts, so the narrower stand first
    Row(
        "cuda_out_of_memory",
        r"CUDA out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED|"
        r"MPS backend out of memory",
        "The GPU's memory is full.",
        "The longest recordings of a batch decide, and other programs on the same GPU.",
        "--set train.mixed_precision=true, --set train.grad_checkpoint=true, a smaller "
        "train.batch_size with train.accumulate, or --set train.max_batch_frames=20000; this "
        "trainer splits batches by itself, so a full GPU is likely shared: look at nvidia-smi",
        "Намалете train.batch_size (с train.accumulate за същата стъпка) или включете "
        "train.mixed_precision=true; проверете с nvidia-smi кой друг заема паметта.",
    ),
    Row(
        "host_out_of_memory",
        r"DataLoader worker .* (?:is killed by signal: Killed|exited unexpectedly)|"
        r"Cannot allocate memory|DefaultCPUAllocator: can't allocate|^Killed$|oom-kill|MemoryError",
        "The computer's memory (not the GPU's) is full, or a loader process was killed for it.",
        "Too many loader processes, or very long recordings.",
        "--set train.num_workers=2, and --set data.max_seconds=15",
        "Намалете train.num_workers и data.max_seconds.",
    ),
    Row(
        "shared_memory",
        r"bus error|insufficient shared memory|unable to (?:open|write to) "
        r"(?:shared memory|file <\S*torch)|"
        r"/dev/shm|No space left on device: '/torch",
        "The memory that processes share (/dev/shm) is too small.",
        "A container is started with 64 MB of it.",
        "docker run --shm-size=8g (or --ipc=host), or --set train.num_workers=0",
        "Стартирайте контейнера с --shm-size=8g или задайте train.num_workers=0.",
    ),
    Row(
        "disk_full",
        r"No space left on device|ENOSPC|Errno 28|Disk quota exceeded",
        "The disk is full.",
        "Checkpoints take most: about 1 GB each for configs/base.json.",
        "make room, or --set train.keep_last=2 --set train.keep_every=null; what was saved is "
        "whole",
    ),
    Row(
        "indices_not_long",
        r"[Ee]xpected (?:tensor for argument.*?|scalar type )?.*(?:indices|index).*Long|"
        r"tensors used as indices must be long|expected scalar type Long but found",
        "Symbol or speaker ids came as another type than int64.",
        "Ids were made by own code as int32 or float; lists read here always give int64.",
        "ids.long() where they are made",
        "Превърнете индексите в int64: ids.long().",
    ),
    Row(
        "float_and_double",
        r"expected scalar type (?:Float|Double|Half) but found|Float but found Double|"
        r"Input type \(.*\) and (?:weight|bias) type|mat1 and mat2 must have the same dtype|"
        r"expected m1 and m2 to have the same dtype",
        "Two tensors of different number types met: float32, float64 or half.",
        "A recording or feature was read as float64 by own code, or a tensor was made outside "
        "autocast; read_audio of hifigan.audio always gives float32.",
        "tensor.float() where it is made; --detect_anomaly names the place",
        "Превърнете тензора във float32: tensor.float().",
    ),
    Row(
        "too_many_values",
        r"too many values to unpack|not enough values to unpack",
        "A line or a tuple has other parts than the code expects.",
        "Most often a list has | inside a text, or a speaker column that the config does not "
        "expect.",
        "python -m vits.doctor DATA names the lines; with speakers --set data.speakers=from_data",
        "Проверете колоните на списъка: path|text или path|speaker|text.",
    ),
    Row(
        "unknown_speaker",
        r"KeyError: ['\"]?(?:speaker_id|speaker|spk|sid)|unknown speaker|speaker_id.*out of range",
        "A speaker is asked for that the model does not have, or the list names none.",
        "A multi-speaker config with a list of path|text, or a name that is spelt otherwise.",
        "write path|speaker|text, or --set data.speakers=null for one speaker; infer.py --speaker "
        "names those there are",
        "Добавете колона за говорител или задайте data.speakers=null.",
    ),
    Row(
        "nan_loss",
        r"(?i)(?:loss|grad|norm)\w* ?(?:is|=|:)? ?(?:nan|inf)\b|\bnan\b.*loss|returned nan values|"
        r"contains? (?:nan|inf)\b|no finite number|non-finite",
        "A loss or gradient is no number any more.",
        "A damaged recording, a rate that is too high, or float16 that overflowed.",
        "such steps are skipped here, and after train.max_bad_steps of them the run goes back; for "
        'good: python -m vits.doctor DATA, half the train.lr, train.mixed_precision="bf16", '
        "--detect_anomaly to find the operation",
        "Проверете данните (vits.doctor), намалете train.lr наполовина, използвайте bf16.",
    ),
    Row(
        "monotonic_align",
        r"monotonic_align|maximum_path_c|No module named ['\"]\S*core['\"]",
        "The original's alignment search was not compiled.",
        "Its Cython module has to be built by hand there.",
        "nothing is built here: the search comes along (python -m vits.doctor shows which one)",
    ),
    Row(
        "espeak_missing",
        r"espeak not installed|espeak-ng.*not found|EspeakWrapper|libespeak|needs the package "
        r"(?:phonemizer|espeakng)",
        "Espeak, which makes phonemes, is not there.",
        "A system package is missing; here it comes from pip.",
        "pip install espeakng-loader, or --set text.front_end=characters --set "
        "text.symbols=from_data",
        "pip install espeakng-loader",
    ),
    Row(
        "torchcodec",
        r"torchcodec|TorchCodec is required|Couldn't find appropriate backend to handle uri|"
        r"torchaudio.*(?:No audio (?:I/O )?backend|undefined symbol)",
        "torchaudio cannot open recordings, or does not fit this torch.",
        "torchaudio and torch are of different versions, or its decoder is missing.",
        "this trainer needs no torchaudio: pip uninstall torchaudio torchcodec",
    ),
    Row(
        "numpy_abi",
        r"numpy\.dtype size changed|compiled using NumPy 1|_ARRAY_API not found|"
        r"module 'numpy' has no attribute '(?:float|int|bool|object|complex)'",
        "A package was made for another numpy.",
        "numpy 2 came in after packages built for numpy 1.",
        "pip install --upgrade the package that the message names, in a fresh environment",
    ),
    Row(
        "pkg_resources",
        r"No module named ['\"]?pkg_resources|No module named ['\"]?distutils",
        "A package needs setuptools, which newer Pythons lack.",
        "Old packages on Python 3.12 and newer.",
        "pip install 'setuptools<81', or leave the old package out",
    ),
    Row(
        "tensorboard_missing",
        r"TensorBoard logging requires TensorBoard|No module named 'tensorboard'",
        "tensorboard is not installed.",
        "It is another package than torch.",
        "pip install tensorboard; scalars.jsonl and listen.html are written all the same",
    ),
    Row(
        "module_missing",
        r"ModuleNotFoundError: No module named|ImportError: (?:cannot import name|DLL|lib\S+\.so)",
        "A Python package is missing, or another version of it is there.",
        "It was installed in another environment, or not at all.",
        "pip install NAME in the environment that runs (python -m pip); python -m vits.doctor "
        "shows "
        "which parts are missing and what works without them",
        "Инсталирайте липсващия пакет с python -m pip install ИМЕ в същата среда.",
    ),
    Row(
        "size_mismatch",
        r"size mismatch for|Error\(s\) in loading state_dict|Missing key\(s\) in state_dict|"
        r"Unexpected key\(s\) in state_dict",
        "A checkpoint's weights have other shapes or names than the model.",
        "Other symbols, speakers or widths; or another program's file.",
        "finetune.py --restore_from FILE --dry_run shows what fits, and maps symbols and speakers "
        "by "
        "name; --ignore_layers begins parts anew",
    ),
    Row(
        "weights_only",
        r"[Ww]eights only load failed|UnpicklingError|Unsupported global|"
        r"invalid load key|PytorchStreamReader failed|not a ZIP archive",
        "A checkpoint is damaged, or holds code that is not executed for safety.",
        "A download that broke off (a few bytes of HTML or a Git LFS pointer), or an old format.",
        "look at its size and download it again; finetune.py and infer.py read the formats of "
        "other "
        "programs without executing anything",
    ),
    Row(
        "nccl",
        r"NCCL (?:error|WARN|timeout)|ncclSystemError|ncclUnhandledCudaError|"
        r"Watchdog caught collective|"
        r"ProcessGroupNCCL|Connection (?:closed|reset) by (?:remote )?peer.*(?:rank|store)",
        "Processes on several GPUs lost each other.",
        "One of them failed first: its own message, further up, is the one that counts. Or the "
        "network between nodes.",
        "read the first error of all ranks; NCCL_DEBUG=INFO, and NCCL_SOCKET_IFNAME=eth0 if "
        "there are "
        "several networks",
    ),
    Row(
        "address_in_use",
        r"[Aa]ddress already in use|EADDRINUSE|errno: 98",
        "Another run listens on the port where processes meet.",
        "An earlier run is still there, or two runs on one machine.",
        "torchrun --master_port=29501, or end the other run",
    ),
    Row(
        "ddp_unused",
        r"Expected to have finished reduction in the prior iteration|find_unused_parameters",
        "Some weights got no gradient in a step on several GPUs.",
        "Own changes to the model that leave a part out in some steps.",
        "freeze that part (--freeze_layers), or let the loss depend on it in every step",
    ),
    Row(
        "no_kernel_image",
        r"no kernel image is available|sm_\d+ is not compatible|CUDA capability sm_|"
        r"PTX was compiled with an unsupported toolchain",
        "This torch was not built for this GPU.",
        "A very new or very old GPU.",
        "install the torch build for it (pytorch.org, pip install torch --index-url ...)",
    ),
    Row(
        "cuda_unavailable",
        r"Torch not compiled with CUDA enabled|Found no NVIDIA driver|CUDA driver version is "
        r"insufficient|torch\.cuda\.is_available\(\)|CUDA unknown error|cuda runtime error \(999\)",
        "torch does not reach a GPU.",
        "A CPU build of torch, no driver, or a driver that is too old.",
        "nvidia-smi shows the driver; pip install torch again for its CUDA version",
    ),
    Row(
        "device_assert",
        r"device-side assert triggered|srcIndex < srcSelectDimSize|index out of range in self|"
        r"Assertion .*idx.* failed",
        "An id is larger than its table.",
        "Symbols or speakers of the data that the config's table does not have.",
        "--set text.symbols=from_data --set data.speakers=from_data; python -m vits.doctor DATA -c "
        "CONFIG names them",
    ),
    Row(
        "cudnn",
        r"CUDNN_STATUS_\w+|cuDNN error|CUBLAS_STATUS_\w+|Unable to find a valid cuDNN algorithm",
        "A GPU library failed.",
        "Most often the memory is full, or the driver does not fit.",
        "a smaller train.batch_size; then the newest driver",
    ),
    Row(
        "kernel_size",
        r"Kernel size can't be greater than actual input size|Calculated padded input size per "
        r"channel|Expected more than 1 value per channel|stack expects each tensor to be equal "
        r"size",
        "A recording or its segment is shorter than a layer needs.",
        "Very short recordings, or a train.segment_samples that the hop does not divide.",
        "--set data.min_seconds=1; python -m vits.doctor DATA lists the short ones",
    ),
    Row(
        "tensor_size",
        r"The size of tensor a \(\d+\) must match the size of tensor b|shape mismatch|"
        r"Sizes of tensors must match except",
        "Two tensors have different lengths.",
        "In own changes; or mels from disk that do not belong to their recordings (another hop).",
        "--log_level DEBUG prints the shapes; make the mels again: python -m "
        "hifigan.extract_mel_spectrograms",
    ),
    Row(
        "librosa_mel",
        r"mel\(\) takes 0 positional arguments|librosa.*(?:positional|output\.write_wav)|"
        r"module 'librosa' has no attribute",
        "Old code calls librosa in a way that was removed.",
        "The original repositories, with librosa 0.10 and newer.",
        "librosa is not needed here; finetune.py reads their checkpoints",
    ),
    Row(
        "missing_argument",
        r"missing \d+ required positional argument|got an unexpected keyword argument|takes \d+ "
        r"positional arguments? but \d+ (?:was|were) given",
        "A function is called with other arguments than it has.",
        "Own changes, or two versions of a package.",
        "python -m vits.doctor runs every part of the model once with made-up input",
    ),
    Row(
        "stft_complex",
        r"stft (?:with|requires) .*return_complex|view_as_real|return_complex=False",
        "Old code calls torch's STFT in a way that was removed.",
        "The original repositories, with a newer torch.",
        "use this trainer on the same data: it reads their lists, configs and checkpoints",
    ),
    Row(
        "matplotlib",
        r"tostring_rgb|FigureCanvasAgg.*no attribute",
        "Old code draws with a removed matplotlib call.",
        "The original repositories, with matplotlib 3.8 and newer.",
        "matplotlib is not needed here",
    ),
    Row(
        "sound_format",
        r"Format not recognised|Error opening ['\"].*(?:wav|flac|mp3|ogg)|LibsndfileError|"
        r"File contains data in an unknown format|NoBackendError|wave\.Error|is not WAV",
        "A recording is not what its name says, or of a format that cannot be read.",
        "An MP4 or web page saved as .wav, or a broken download.",
        "ffmpeg -i FILE -ac 1 FILE.wav; python -m vits.doctor DATA lists them all",
    ),
    Row(
        "sample_rate",
        r"(?:SR|sample rate|sampling rate|sampling_rate)\b.*(?:doesn't match|does not match|"
        r"mismatch|"
        r"!=)|doesn't match target \d+ SR",
        "A recording has another rate than the config.",
        "Recordings of several sources.",
        "nothing to do here: recordings are resampled while reading; python -m vits.prepare "
        "--sample_rate 22050 does it once for all",
        "Преобразувайте записите веднъж: python -m vits.prepare --sample_rate 22050.",
    ),
    Row(
        "not_utf8",
        r"UnicodeDecodeError|codec can't decode byte|not UTF-8",
        "A text file is in another encoding than UTF-8.",
        "It was saved by a Windows program as cp1251 or cp1252.",
        "iconv -f cp1251 -t utf-8 FILE > NEW; python -m vits.doctor DATA names the lines",
        "Запазете списъка като UTF-8: iconv -f cp1251 -t utf-8 СТАР > НОВ.",
    ),
    Row(
        "no_utterances",
        r"No utterances found|no utterances?\b|num_samples should be a positive integer|"
        r"holds no utterance|0 utterances|No training samples|You do not have enough samples",
        "No line of the list could be used.",
        "Paths that lead nowhere, or a list of another layout.",
        "python -m vits.doctor DATA; python -m vits.prepare reads other layouts",
    ),
    Row(
        "unknown_symbol",
        r"unknown symbols?|KeyError: ['\"].['\"]$|Character .* not found in the vocabulary|"
        r"not in (?:the )?(?:symbol|vocab)|Missing phoneme from id map",
        "A text has a symbol that the table lacks.",
        "Another script, a rare mark, or phonemes of another language.",
        "--set text.symbols=from_data, or python -m vits.text shows what is made of the text",
    ),
    Row(
        "reduction_factor",
        r"guided.attention|reduction.factor|decoder max steps|Attention.*not aligned|\br must be",
        "This is about Tacotron, which aligns by attention.",
        "VITS finds its alignment by search, and has neither r nor guided attention.",
        "leave these settings out",
    ),
    Row(
        "discriminator_missing",
        r"(?:KeyError|missing).*(?:disc\b|discriminator|net_d)|no D_\S*\.pth|D_\S+ not found",
        "A checkpoint has no discriminators.",
        "It was made for speaking alone.",
        "finetune.py begins fresh ones and lets them learn first "
        "(train.discriminator_warmup_steps)",
    ),
    Row(
        "file_missing",
        r"FileNotFoundError|No such file or directory|does not exist",
        "A file is not where it was looked for.",
        "A path is relative to another folder, or spelt otherwise (case, Unicode form).",
        "python -m vits.doctor DATA lists all that are missing, each with the nearest name",
        "Проверете пътищата: python -m vits.doctor ДАННИ изброява липсващите файлове.",
    ),
    Row(
        "permission",
        r"PermissionError|Permission denied|Read-only file system",
        "A file or folder may not be read or written.",
        "It belongs to another user, or the disk is mounted for reading.",
        "choose another place, or chown it",
    ),
    Row(
        "interrupted",
        r"KeyboardInterrupt|Signal.*SIGTERM|received (?:signal )?15",
        "Somebody, or the machine's scheduler, stopped the program.",
        "Ctrl-C, a time limit, or a machine that was taken back.",
        "the same command goes on from the last checkpoint",
    ),
)
_COMPILED = [(row, re.compile(row.pattern, re.MULTILINE)) for row in ROWS]


def row_for(line: str) -> Row | None:
    """The row that explains a line; None: none does."""
    return next((row for row, pattern in _COMPILED if pattern.search(line)), None)
