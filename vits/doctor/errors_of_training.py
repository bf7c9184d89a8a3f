"""Error messages about data, models, checkpoints and configs: what each means, and what to do."""

from vits.doctor.error_row import Row
from vits.doctor.findings import NOTE, WARNING

ROWS = (
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
        r"too many values to unpack|not enough values to unpack|[Nn]ot enough columns",
        "A line or a tuple has other parts than the code expects.",
        "Most often a list has | inside a text, or a speaker column that the config does not "
        "expect.",
        "python -m vits.doctor DATA names the lines; with speakers --set data.speakers=from_data",
        "Проверете колоните на списъка: path|text или path|speaker|text.",
    ),
    Row(
        "unknown_speaker",
        r"KeyError: ['\"]?(?:speaker_id|speaker|spk|sid)|unknown speaker|speaker_id.*out of range|"
        r"conv1d\(\) received an invalid combination of arguments - got \(NoneType",
        "A speaker is asked for that the model does not have, or the list names none.",
        "A multi-speaker config with a list of path|text, or a name that is spelt otherwise.",
        "write path|speaker|text, or --set data.speakers=null for one speaker; infer.py --speaker "
        "names those there are",
        "Добавете колона за говорител или задайте data.speakers=null.",
    ),
    Row(
        "nan_loss",
        r"(?i)\b\w*(?:loss|grad|norm)\w*(?: total| value)? *(?:is|=|:)? *(?:nan|-?inf)\b|"
        r"\b(?:generator|discriminator|mel|kl|total)\b[ =:]+(?:nan|inf)\b|\bnan\b.*loss|"
        r"returned nan values|detected nan|discriminant >= 0|"
        r"Expected reduction dim to be specified|"
        r"contains? (?:nan|inf)\b|no finite number|non-finite",
        "A loss or gradient is no number any more.",
        "A damaged recording, a rate that is too high, or float16 that overflowed.",
        "such steps are skipped here, and after train.max_bad_steps of them the run goes back; for "
        'good: python -m vits.doctor DATA, half the train.lr, train.mixed_precision="bf16", '
        "--detect_anomaly to find the operation",
        "Проверете данните (vits.doctor), намалете train.lr наполовина, използвайте bf16.",
    ),
    Row(
        "weight_norm",
        r"weight_norm is deprecated|weight_norm of '\w+' not found|parametrizations\.\S*weight",
        "Weight norm is stored under other names.",
        "torch 2 renamed it; older programs and checkpoints have the old names.",
        "nothing is to be done here: both spellings are read",
        severity=NOTE,
    ),
    Row(
        "optimizer_state",
        r"param 'initial_lr' is not specified|different number of parameter groups|"
        r"doesn't match the size of optimizer's group",
        "The state of an optimizer does not fit.",
        "A run is gone on with from another model's checkpoint, or from weights alone.",
        "train.py --continue_path runs/NAME goes on with a run; finetune.py --restore_from "
        "FILE begins a new one with the weights",
    ),
    Row(
        "size_mismatch",
        r"size mismatch for|Error\(s\) in loading state_dict|Missing key\(s\) in state_dict|"
        r"Unexpected key\(s\) in state_dict|is not in the checkpoint",
        "A checkpoint's weights have other shapes or names than the model.",
        "Other symbols, speakers or widths; or another program's file.",
        "finetune.py --restore_from FILE --dry_run shows what fits, and maps symbols and speakers "
        "by name; --ignore_layers begins parts anew",
    ),
    Row(
        "weights_only",
        r"[Ww]eights only load failed|Can't get attribute|UnpicklingError|Unsupported global|"
        r"invalid load key|PytorchStreamReader failed|not a ZIP archive",
        "A checkpoint is damaged, or holds code that is not executed for safety.",
        "A download that broke off (a few bytes of HTML or a Git LFS pointer), or an old format.",
        "look at its size and download it again; finetune.py and infer.py read the formats of "
        "other programs without executing anything",
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
        "kernel_size",
        r"Kernel size can't be greater than actual input size|Calculated padded input size per "
        r"channel|Padding size should be less than|Expected more than 1 value per channel|"
        r"stack expects each tensor to be equal size",
        "A recording or its segment is shorter than a layer needs.",
        "Very short recordings, or a train.segment_samples that the hop does not divide.",
        "--set data.min_seconds=1; python -m vits.doctor DATA lists the short ones",
    ),
    Row(
        "tensor_size",
        r"The size of tensor a \(\d+\) must match the size of tensor b|shape mismatch|"
        r"[Uu]sing a target size \(.*different (?:to|from) the input size|"
        r"Sizes of tensors must match except",
        "Two tensors have different lengths.",
        "Upsample rates whose product is not the hop, mels from disk of another hop, "
        "or own changes.",
        "--log_level DEBUG prints the shapes; make the mels again: python -m "
        "hifigan.extract_mel_spectrograms",
    ),
    Row(
        "two_channels",
        r"shape '\[.*\]' is invalid for input of size",
        "A tensor has another number of values than its shape.",
        "Twice as many mean a stereo recording, which some programs do not mix.",
        "nothing to do here: recordings are mixed to mono while reading; for another program:"
        " python -m vits.prepare, or ffmpeg -i FILE -ac 1 NEW.wav",
    ),
    Row(
        "two_devices",
        r"Expected all tensors to be on the same device",
        "Two tensors are on different devices.",
        "In own changes, a tensor was made on the CPU and met one on the GPU.",
        "tensor.to(other.device), or make it with device=other.device",
    ),
    Row(
        "autograd",
        r"modified by an inplace operation|backward through the graph a second time|"
        r"element 0 of tensors does not require grad",
        "Gradients cannot be computed.",
        "In own changes, a tensor is overwritten, used in two backward passes, or detached.",
        "train.py --detect_anomaly names the operation; .detach() for what the discriminator gets",
    ),
    Row(
        "onnx_export",
        r"GuardOnDataDependentSymNode|torch\.onnx\.\w*rror|UnsupportedOperatorError",
        "The model could not be written as ONNX.",
        "Its lengths depend on the data, which a plain export cannot follow.",
        "python -m vits.export RUN --format onnx --out_path FILE.onnx, which compares the two",
    ),
    Row(
        "not_json",
        r"JSONDecodeError|Expecting (?:value|property name|',' delimiter|':' delimiter)",
        "A config is not JSON.",
        "A comment, a comma before a closing bracket, or single quotes.",
        "python -m vits.doctor CONFIG names line and column",
        "JSON не допуска коментари и запетая преди скоба; python -m vits.doctor КОНФИГ "
        "посочва реда.",
    ),
    Row(
        "wrong_arguments",
        r"unrecognized arguments:|the following arguments are required|invalid choice:",
        "A command was given arguments that it does not have.",
        "They are of another program or version, or one is misspelt.",
        "the command with --help lists them",
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
        r"mismatch|!=)|doesn't match target \d+ SR|"
        r"[Oo]nly supports? \d+ ?k?Hz",
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
        r"holds no utterance|\b0 utterances|after filtering: 0\b|DataLoader\) returns 0|"
        r"ZeroDivisionError: integer|n must be at least one|No training samples|"
        r"You do not have enough samples",
        "No line of the list could be used.",
        "Paths that lead nowhere, a list of another layout, or recordings of unfit length.",
        "python -m vits.doctor DATA; python -m vits.prepare reads other layouts",
    ),
    Row(
        "left_out",
        r"discarded samples: [1-9]|[Ss]kipp(?:ed|ing) [1-9]\d* (?:samples|utterances|files)",
        "Utterances were left out.",
        "They are too long, too short or unreadable; not every program says which.",
        "python -m vits.doctor DATA lists each with its reason",
        severity=WARNING,
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
        r"(?:KeyError|missing).*(?:disc\b|discriminator|net_d)|no D_\S*\.pth|D_\S+ not found|"
        r"Not Found.*\bD_\d+\.pth",
        "A checkpoint has no discriminators.",
        "It was made for speaking alone.",
        "finetune.py begins fresh ones and lets them learn first "
        "(train.discriminator_warmup_steps)",
    ),
    Row(
        "hub_file",
        r"does not appear to have a file named|Entry Not Found|Repository Not Found",
        "A voice of Hugging Face lacks a file.",
        "It was published without, or not all of it was downloaded.",
        "finetune.py and infer.py read its folder with config.json, vocab.json and "
        "model.safetensors or pytorch_model.bin",
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
        severity=NOTE,
    ),
    Row(
        "name_missing",
        r"KeyError: ['\"][^'\"]+['\"]$",
        "A name is looked up that its table does not have.",
        "A speaker, a column or a config's key that is missing or spelt otherwise.",
        "infer.py --info names the speakers of a voice, python -m vits.doctor CONFIG unknown "
        "keys, python -m vits.doctor DATA lines with other columns",
    ),
)
