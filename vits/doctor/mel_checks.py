"""Whether the mels that a vocoder is trained on belong to its config and to their recordings."""

from pathlib import Path

from hifigan.audio import read_header, resampled_length
from hifigan.corpus.finder import list_recordings
from hifigan.errors import UserError
from hifigan.mel_recipe import FIX, input_recipe, require_same_recipe
from hifigan.mels_on_disk import check_mels, list_mels, read_recipe
from hifigan.vocoder_config import VocoderConfig
from vits.doctor.findings import ERROR, WARNING, Case, Finding
from vits.doctor.text_rules import finding, some_of


def mel_findings(config: VocoderConfig) -> list[Finding]:
    """Of data.mels, if the config names some: their recipe, then their lengths and values.

    Values are compared with the mels that the recordings have by the config's recipe
    (hifigan/mel_faults.py says what is recognised, and how surely).
    """
    if config.data.mels is None:
        return []
    folder, wanted = Path(config.data.mels), input_recipe(config)
    try:
        paths, recordings = list_mels(folder), list_recordings(Path(config.data.wavs))
        require_same_recipe(read_recipe(folder), wanted, folder, "the config")
    except UserError as error:
        title = "the mels were not made for this vocoder"
        why = f"It would learn to make sound of another language: {error}."
        return [finding("mel_recipe", ERROR, title, why, FIX, [])]
    pairs = []
    for id_, path in paths.items():
        if id_ in recordings:
            header = read_header(recordings[id_])
            n = resampled_length(header.n_samples, header.sample_rate, wanted.sample_rate)
            pairs.append((id_, path, recordings[id_], n))
    found = []
    alone = [id_ for id_ in paths if id_ not in recordings]
    if alone:
        cases = [Case("", id_, "no recording of this name") for id_ in alone]
        title = some_of(len(alone), "mels have no recording", len(paths))
        fix = "give both the same names below their folders"
        found.append(finding("mel_alone", WARNING, title, "They are not used.", fix, cases))
    faults = check_mels(pairs, wanted)
    if faults:
        cases = [
            Case(str(fault.path), fault.id, fault.told, 1.0, str(recordings[fault.id]))
            for fault in faults
        ]
        title = some_of(len(faults), "mels do not belong to their recordings", len(pairs))
        why = "The vocoder learns a sound for each mel that is not its own: buzz, or noise."
        found.append(finding("mel_mismatch", ERROR, title, why, FIX, cases))
    return found
