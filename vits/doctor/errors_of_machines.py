"""Error messages about memory, disks, GPUs, packages and processes: what they mean, what to do."""

from vits.doctor.error_row import Row

ROWS = (
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
        "too_many_files",
        r"Too many open files|Errno 24\b|received 0 items of ancdata",
        "A process may not open as many files as it wants to.",
        "The system's limit is low, and each loader process opens files.",
        "ulimit -n 4096 before the command, or --set train.num_workers=2",
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
        "monotonic_align",
        r"monotonic_align|maximum_path_c|No module named ['\"]\S*core['\"]",
        "The original's alignment search was not compiled.",
        "Its Cython module has to be built by hand there.",
        "nothing is built here: the search comes along (python -m vits.doctor shows which one)",
    ),
    Row(
        "gpu_extension",
        r"CUDA_HOME environment variable is not set|[Dd]etected CUDA version .*mismatch|"
        r"Error building extension|[Nn]inja is required|nvcc.*(?:not found|fatal)|"
        r"No such file.*\bnvcc\b",
        "A part for the GPU could not be built.",
        "The CUDA toolkit is missing, or of another version than the CUDA of torch.",
        "nothing of the kind is needed here: the GPU's alignment search comes with pip "
        "install cuda-bindings; another program needs the toolkit of torch.version.cuda",
    ),
    Row(
        "compiler_missing",
        r"Microsoft Visual C\+\+|\bLNK\d{4}|command '\S*(?:gcc|g\+\+|cl\.exe)|"
        r"(?:gcc|g\+\+|cc|cythonize|cmake|make): (?:command )?not found|"
        r"unable to execute '\S*(?:gcc|cc)|"
        r"could not create '.*\.(?:so|pyd)'|Failed building wheel|Python\.h: No such file",
        "A package could not be built.",
        "It is written in C, and a compiler is missing.",
        "this trainer works without a compiler, with a slower alignment search; another "
        "package: apt install build-essential python3-dev, on Windows the Visual Studio Build"
        " Tools",
    ),
    Row(
        "pip_finds_none",
        r"Could not find a version that satisfies|No matching distribution found|"
        r"externally-managed-environment|metadata-generation-failed|subprocess-exited-with-error",
        "pip cannot install a package.",
        "It is too old or too new for this Python, or pip is to leave the system's Python alone.",
        "python3 -m venv .venv, then .venv/bin/pip install . in it; this trainer asks for no "
        "old versions",
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
        r"module '?numpy'? has no attribute '(?:float|int|bool|object|complex)'",
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
        "relative_import",
        r"attempted relative import",
        "A file of a package was started alone.",
        "It finds its neighbours only as a part of the package.",
        "python -m PACKAGE.MODULE, from the folder that the package lies in",
    ),
    Row(
        "module_missing",
        r"ModuleNotFoundError: No module named|ImportError: (?:cannot import name|DLL|lib\S+\.so)|"
        r"GLIBC(?:XX)?_\S+ not found|sndfile library not found",
        "A Python package is missing, or another version of it is there.",
        "It was installed in another environment, or not at all.",
        "pip install NAME in the environment that runs (python -m pip); python -m vits.doctor "
        "shows which parts are missing and what works without them",
        "Инсталирайте липсващия пакет с python -m pip install ИМЕ в същата среда.",
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
        "there are several networks",
    ),
    Row(
        "processes_do_not_meet",
        r"have NCCL built in|use_libuv was requested|unsupported gloo device|"
        r"makeDeviceForHostname|[Dd]efault process group has not been|"
        r"KeyError: '(?:LOCAL_)?RANK'|variable (?:RANK|WORLD_SIZE|MASTER_\w+) expected|"
        r"Connection refused.*29\d{3}",
        "The processes for several GPUs do not find each other.",
        "The program was not started by torchrun, or this torch has no NCCL, as on Windows "
        "and Mac.",
        "python train.py uses one GPU and needs nothing of it; for N of them, on Linux: "
        "torchrun --nproc_per_node=N train.py",
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
        r"insufficient|torch\.cuda\.is_available\(\)|CUDA unknown error|cuda runtime error \(999\)|"
        r"No CUDA GPUs are available|CPU training is not allowed|invalid device ordinal",
        "torch does not reach a GPU.",
        "A CPU build of torch, no driver, or a driver that is too old.",
        "nvidia-smi shows the driver; pip install torch again for its CUDA version",
    ),
    Row(
        "illegal_access",
        r"illegal memory access|unspecified launch failure|misaligned address",
        "The GPU read where it may not.",
        "A fault in a GPU program, or in the GPU. The message names a later place than the fault.",
        "CUDA_LAUNCH_BLOCKING=1 before the command names the place; VITS_ALIGNMENT=cpu leaves"
        " this trainer's own GPU program out; python -m vits.doctor tests each part",
    ),
    Row(
        "crash",
        r"[Ss]egmentation fault|core dumped|SIGSEGV|SIGABRT|exit code -?(?:11|139)\b",
        "The program crashed in compiled code.",
        "Packages that do not fit each other, or a recording that a decoder cannot bear.",
        "python -m vits.doctor tests each part; python -m vits.doctor DATA decodes each "
        "recording; python -X faulthandler train.py names the line",
    ),
    Row(
        "loader_start",
        r"Can't (?:get|pickle) local object|attempt has been made to start a new process",
        "Loader processes cannot be started.",
        "On Windows and Mac they begin anew, and own code cannot be sent to them.",
        '--set train.num_workers=0; in own scripts: if __name__ == "__main__"',
    ),
    Row(
        "cudnn",
        r"CUDNN_STATUS_\w+|cuDNN error|cuFFT error|CUFFT_\w+|CUBLAS_STATUS_\w+|"
        r"Unable to find a valid cuDNN algorithm|"
        r"[Uu]nable to find an engine",
        "A GPU library failed.",
        "Most often the memory is full, or this torch is older than the GPU.",
        "a smaller train.batch_size; if it stays: pip install --upgrade torch, and the "
        "newest driver",
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
        "network",
        r"Max retries exceeded|ConnectionError|SSLError|Temporary failure in name resolution",
        "Something could not be downloaded.",
        "There is no network, or a proxy stands between.",
        "this trainer downloads nothing: give the files that you have",
    ),
)
