"""What a person hears or sees of a voice that fails: what it comes from, and how it is measured.

These are words, not messages, so logs are not searched for them.
"""

from vits.doctor.error_row import Row
from vits.doctor.findings import WARNING

ROWS = (  # the first that fits counts, so the narrower stand first
    Row(
        "robotic",
        r"\brobot|\bbuzz|\bmetallic|\bvocoder.*\bnois|роботи|метал|бръмч|жуж|бучи|бучене",
        "The voice sounds robotic or buzzes.",
        "Too few steps; clipped, noisy or dull recordings; or a vocoder that is given mels made "
        "in another way.",
        "python -m vits.doctor DATA -c CONFIG measures clipping, noise, level, DC offset and the "
        "band; python -m vits.doctor RUN compares a vocoder's mels with its recordings; if both "
        "find nothing, train on",
        "python -m vits.doctor ДАННИ -c КОНФИГ мери изкривявания, шум и честотна лента; при чисти "
        "данни продължете обучението.",
        WARNING,
    ),
    Row(
        "skipped_words",
        r"\b(?:skip|repeat|stutter|swallow|omit)\w*\b(?! \d)|\bmiss\w* (?:\w+ )?(?:word|sound|syllab)|"
        r"\bwords? (?:are |is )?missing|пропуск|повтар|повторен|заекв|гълта",
        "Words are skipped or said twice.",
        "Texts that do not say what is heard, long silences inside recordings, or too few steps. "
        "Guided attention is no cure: VITS finds its alignment by search.",
        "python -m vits.doctor RUN lists likely wrong texts and sounds that are held long, and "
        "--write_clean_list leaves them out; python -m vits.prepare --trim cuts silent ends off",
        "python -m vits.doctor ОБУЧЕНИЕ изброява съмнителните текстове; --write_clean_list ги "
        "маха; --trim на vits.prepare реже тишината.",
        WARNING,
    ),
    Row(
        "wrong_pronunciation",
        r"pronounc|pronunciation|\baccent\b|\bwrong stress|произн|изговор|ударени",
        "Words are pronounced wrongly.",
        "The text is read otherwise than it is spoken, or has sounds that the data hardly has.",
        'python -m vits.text --language LANGUAGE "TEXT" shows what is read; a lexicon '
        "(text.lexicon) sets it right; python -m vits.doctor DATA -c CONFIG shows which sounds "
        "are rare",
        'python -m vits.text --language bg "ТЕКСТ" показва какво се чете; поправете го с речник '
        "(text.lexicon).",
        WARNING,
    ),
    Row(
        "lost_speaker",
        r"speakers? (?:identity|similarity)|sounds? (?:like )?(?:all )?(?:the same|alike)|"
        r"(?:all|other|wrong|another|different) (?:the )?(?:speaker|voice|person)|"
        r"(?:not|n't) sound like|тембър|говорещ|говорител|не прилича|чужд глас",
        "A voice sounds like another speaker, or all sound alike.",
        "One speaker has far more data than the others, recordings stand under the wrong name, or "
        "a fine-tuning ran too long.",
        "python -m vits.doctor DATA counts the minutes of each speaker; --set "
        "data.balance_speakers=true, --set model.speaker_channels=256; finetune.py "
        "--freeze_old_speakers --mix_in LIST keeps old voices",
        "python -m vits.doctor ДАННИ брои минутите на всеки говорител; --set "
        "data.balance_speakers=true ги изравнява.",
        WARNING,
    ),
    Row(
        "unstable",
        r"unstable|oscillat|(?:loss|losses|gradient)\w* .*(?:explod|diverg|jump|spik)|"
        r"нестабил|подскач|колебае",
        "Losses jump.",
        "A rate that is too high, small batches, or a few damaged recordings. The losses of two "
        "networks against each other always move some.",
        "python -m vits.doctor RUN looks at losses and gradients; --set train.accumulate=4 makes "
        "a step of more utterances, half of train.lr smaller steps; python -m vits.doctor DATA "
        "finds outliers",
        "Увеличете train.accumulate, намалете train.lr наполовина и прегледайте данните с "
        "python -m vits.doctor ДАННИ.",
        WARNING,
    ),
    Row(
        "slow_learning",
        r"(?:slow|not|n't|never|stop\w*|no) (?:to )?(?:converg|learn|improv|progress)|"
        r"(?:training|learning) (?:is )?(?:too |very )?slow|converg\w* slow|"
        r"loss\w* .*(?:stuck|(?:not|n't) (?:fall|decreas|drop)|plateau|flat)|"
        r"бавн|не се учи|не намалява",
        "The model learns slowly, or not at all.",
        "A start from random weights with little data, a learning rate that does not fit, or data "
        "that cannot be learnt.",
        "finetune.py --restore_from CHECKPOINT starts from a trained voice; train.py "
        "--overfit_one_batch and --subset 20 tell whether data and model can be learnt; "
        "python -m vits.doctor RUN looks at losses, learning rate and waiting for data",
        "Започнете от обучен глас (finetune.py --restore_from); проверете с train.py "
        "--overfit_one_batch и python -m vits.doctor ОБУЧЕНИЕ.",
        WARNING,
    ),
    Row(
        "gibberish",
        r"gibberish|garbage|babbl|mumbl|nonsense|unintelligible|(?:only|just|pure) noise|"
        r"неразбира|безсмисл|само шум",
        "The voice says nothing that can be understood.",
        "Some thousand steps are needed before words come; else texts do not belong to their "
        "recordings, or a text is spoken with other symbols than were trained.",
        "train on, and look at mel and kl: python -m vits.doctor RUN; infer.py --info tells the "
        "symbols of the voice",
        "Обучавайте по-дълго и прегледайте python -m vits.doctor ОБУЧЕНИЕ.",
        WARNING,
    ),
    Row(
        "noisy_voice",
        r"\bhiss|\bnois[ey]\b|\bstatic\b|\bclick|\bcrackl|\bhum\b|\becho|\breverb|\bhollow|"
        r"\bmuffl|\bdull\b|шум|пращ|пука|ехо|кънти|глух",
        "The voice has noise, clicks, an echo or a dull sound.",
        "The voice learns its recordings as they are.",
        "python -m vits.doctor DATA measures noise, echo, clicks, clipping and the band of each "
        "recording, and plays the worst",
        "python -m vits.doctor ДАННИ мери шум, ехо и щракания и пуска най-лошите записи.",
        WARNING,
    ),
    Row(
        "wrong_speed",
        r"(?:too|very) (?:fast|slow|quick)|speaks? (?:fast|slow|quick)|speed of (?:the )?speech|"
        r"speaking rate|rushed|твърде бър|много бър",
        "The voice speaks too fast or too slowly.",
        "It speaks at the rate of its recordings.",
        "infer.py --length_scale 1.2 speaks slower, 0.9 faster; python -m vits.doctor DATA lists "
        "recordings of an unusual rate",
        "infer.py --length_scale 1.2 забавя говора, 0.9 го ускорява.",
        WARNING,
    ),
)
