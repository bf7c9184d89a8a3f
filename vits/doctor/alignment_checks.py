"""How well each recording fits its text, by the alignment of a model in training.

The posterior's latent, sent through the flow, is compared with what the text encoder says of the
text (VITS Sec. 2.2.1): of a right text the best path through the likelihoods is much better than
of other texts. Its own likelihood alone would tell hard recordings rather than wrong texts, so
each is compared with how well other texts of as many symbols fit the same recording.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from hifigan.mel import Spectrogram
from vits.alignment_numbers import is_silence
from vits.config import VitsConfig
from vits.data import Batch, Utterance, UtteranceDataset, collate
from vits.doctor.findings import NOTE, WARNING, Case, Finding, Histogram
from vits.doctor.sound_histograms import histogram
from vits.doctor.text_rules import finding, some_of
from vits.model import VitsModel
from vits.passes import TrainingNoise
from vits.text_encoder import length_mask
from vits.text_on_frames import align, expand, hold

N_TOGETHER = 8  # utterances
FEWEST = 10  # to judge by
N_OTHERS = 4  # texts that each recording is compared with
REACH = 20  # utterances of nearly as many symbols, among which they are looked for
# Of 60 wrong texts among 1,474, WRONG found 32, 50, 55 and 59 after 1,500, 2,000, 2,500 and 3,000
# steps, and 4, 3, 1 and 1 right ones (benchmarks/results/wrong_transcripts_cpu.json). A model of
# 1,250 steps, which did not tell texts apart yet, was wrong in 8 of 12.
WRONG = 3.0  # robust deviations below the usual contrast
LEARNT = 3.0  # robust deviations from 0 to the usual contrast, of a model that tells texts apart
LONG_SYMBOL = 1.0  # seconds, of a symbol that is no pause


@dataclass(frozen=True)
class Fit:
    """How one utterance's text fits its recording."""

    index: int  # in the list of utterances
    own: float  # log-likelihood a frame and channel along the best path, in nats
    contrast: float  # how much better than other texts of its length, in nats
    one_frame: float  # share of symbols with at most one frame
    longest: float  # seconds of the longest symbol that is no pause
    longest_symbol: str


@torch.inference_mode()
def fits_of(model: VitsModel, config: VitsConfig, utterances: Sequence[Utterance]) -> Iterator[Fit]:
    """The fit of each utterance, those of about one length together. model: in eval mode."""
    dataset = UtteranceDataset(utterances, config.audio.sample_rate)
    spectrogram = Spectrogram(config.audio)
    texts = _others(utterances)
    order = np.argsort([u.n_frames for u in utterances], kind="stable")
    with tqdm(None, "aligning", len(order), unit="utterance", disable=None) as bar:
        for first in range(0, len(order), N_TOGETHER):
            group = order[first : first + N_TOGETHER]
            batch = collate([dataset[int(i)] for i in group])
            yield from _fits(model, config, spectrogram, batch, group, utterances, texts)
            bar.update(len(group))


def _others(utterances: Sequence[Utterance]) -> np.ndarray:
    """For each utterance N_OTHERS with other texts of as many symbols, or nearly: int [n,
    N_OTHERS].

    As many: a longer text has more symbols to choose from, and fits any recording a little better.
    """
    n_tokens = np.array([len(u.tokens) for u in utterances])
    texts = np.array([hash(u.tokens) for u in utterances])
    order = np.argsort(n_tokens, kind="stable")
    chosen = np.zeros((len(order), N_OTHERS), np.int64)
    for place, i in enumerate(order):
        low, high = max(0, place - REACH), place + REACH
        near = order[low:high]
        near = near[texts[near] != texts[i]]
        nearest = near[np.argsort(np.abs(n_tokens[near] - n_tokens[i]), kind="stable")]
        chosen[i] = np.resize(nearest[:N_OTHERS], N_OTHERS) if len(nearest) else i
    return chosen


def _fits(
    model: VitsModel,
    config: VitsConfig,
    spectrogram: Spectrogram,
    batch: Batch,
    group: np.ndarray,
    utterances: Sequence[Utterance],
    others: np.ndarray,
) -> Iterator[Fit]:
    z_p, spec_lengths = _latent(model, config, spectrogram, batch)
    languages = batch.languages if model.text_encoder.language_embedding is not None else None
    speaker = model.embedded(batch.speakers)

    def fit(tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log-likelihood a frame and channel of each recording with a text, and the durations."""
        possible = lengths <= spec_lengths
        lengths = torch.minimum(lengths, spec_lengths)
        text = model.text_encoder(tokens, lengths, languages, speaker)
        durations = align(z_p, text, lengths, spec_lengths)
        symbol_of_frame = hold(durations, z_p.shape[2])
        m_p, logs_p = (expand(states, symbol_of_frame) for states in (text.m_p, text.logs_p))
        likelihood = -logs_p - 0.5 * (z_p - m_p).square() * torch.exp(-2 * logs_p)
        inside = length_mask(spec_lengths, z_p.shape[2])
        mean = (likelihood * inside).sum((1, 2)) / (inside.sum((1, 2)) * z_p.shape[1])
        return torch.where(possible, mean, torch.nan), durations

    own, durations = fit(batch.tokens, batch.token_lengths)
    compared = []
    for k in range(N_OTHERS):
        rows = [torch.tensor(utterances[int(j)].tokens) for j in others[group, k]]
        lengths = torch.tensor([len(row) for row in rows])
        compared.append(fit(nn.utils.rnn.pad_sequence(rows, batch_first=True), lengths)[0])
    usual = torch.stack(compared).nanmean(0)
    second = config.audio.sample_rate / config.audio.hop_length
    for i in range(len(group)):
        held = durations[i, : batch.token_lengths[i]]
        longest, symbol = _longest(batch.tokens[i], held, config.text.symbols)
        yield Fit(
            int(group[i]),
            float(own[i]),
            float(own[i] - usual[i]),
            float((held <= 1).float().mean()),
            longest / second,
            symbol,
        )


def _latent(
    model: VitsModel, config: VitsConfig, spectrogram: Spectrogram, batch: Batch
) -> tuple[Tensor, Tensor]:
    """The flow's side of the recordings, without noise: [B, C, T_spec], and their frames."""
    spec = spectrogram.magnitudes(batch.wav, batch.wav_lengths)
    spec_lengths = batch.spec_lengths(config.audio.hop_length)
    noise = model.draw_noise(batch.tokens, spec)
    noise = TrainingNoise(
        torch.zeros_like(noise.posterior), torch.zeros_like(noise.duration), noise.segment
    )
    speakers = batch.speakers if model.speaker_embedding is not None else None
    languages = batch.languages if model.text_encoder.language_embedding is not None else None
    output = model(
        batch.tokens, batch.token_lengths, spec, spec_lengths, speakers, noise, languages
    )
    return output.z_p, spec_lengths


def _longest(tokens: Tensor, durations: Tensor, symbols: Sequence[str]) -> tuple[int, str]:
    best, name = 0, ""
    for token, frames in zip(tokens.tolist(), durations.tolist()):
        if frames > best and token and not is_silence(symbols[token]):
            best, name = frames, symbols[token]
    return best, name


@dataclass(frozen=True)
class Judgement:
    """The fits whose contrast is far below the usual one, the worst first, in deviations below."""

    wrong: list[tuple[Fit, float]]
    has_learnt: bool  # whether the model tells texts apart; if not, nothing is wrong yet


def judged(fits: Sequence[Fit]) -> Judgement:
    contrasts = np.array([fit.contrast for fit in fits])
    good = np.isfinite(contrasts)
    if good.sum() < FEWEST:
        return Judgement([], False)
    median = float(np.median(contrasts[good]))
    spread = max(1.4826 * float(np.median(np.abs(contrasts[good] - median))), 1e-6)
    if median < LEARNT * spread:
        return Judgement([], False)
    below = (median - contrasts) / spread
    found = [(fit, float(b)) for fit, b, ok in zip(fits, below, good) if ok and b > WRONG]
    return Judgement(sorted(found, key=lambda item: -item[1]), True)


def alignment_findings(
    fits: Sequence[Fit], utterances: Sequence[Utterance]
) -> tuple[list[Finding], list[Histogram]]:
    found = []
    judgement = judged(fits)
    wrong = judgement.wrong
    if not judgement.has_learnt:
        found.append(
            finding(
                "alignment_not_learnt",
                NOTE,
                "the model does not tell right texts from wrong ones yet",
                "It has not learnt to align text and sound, or has too few utterances to judge by.",
                "train on, and look again; some thousand steps are enough",
                [],
            )
        )
    if wrong:
        cases = [
            _case(utterances[fit.index], f"{below:.1f} deviations below the usual fit", below)
            for fit, below in wrong
        ]
        found.append(
            finding(
                "likely_wrong_transcript",
                WARNING,
                some_of(len(cases), "utterances are likely to have a wrong text", len(fits)),
                "What is said does not fit the text better than other texts of its length do.",
                "listen to them, the first ones first; --write_clean_list FILE writes the list "
                "without them",
                cases,
            )
        )
    long = [fit for fit in fits if fit.longest > LONG_SYMBOL]
    if long:
        cases = [
            _case(utterances[f.index], f"{f.longest_symbol!r} lasts {f.longest:.2f} s", f.longest)
            for f in long
        ]
        found.append(
            finding(
                "long_symbol",
                WARNING,
                some_of(len(cases), "utterances have a sound held very long", len(fits)),
                "There is a long silence or noise in them, or words that the text lacks.",
                "cut the silence, or write the missing words",
                cases,
            )
        )
    drawn = [
        histogram("fit of text and recording", "nats", np.array([f.contrast for f in fits])),
        histogram("longest sound", "seconds", np.array([f.longest for f in fits]), (LONG_SYMBOL,)),
    ]
    return found, drawn


def _case(utterance: Utterance, detail: str, badness: float) -> Case:
    return Case(utterance.id, utterance.id, detail, badness, utterance.path, utterance.text)
