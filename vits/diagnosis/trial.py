"""Short runs that judge themselves: --overfit_one_batch and --subset.

A sound trainer soon learns a few utterances by heart; one with a fault in code, data or settings
does not. So a trial trains on the first utterances of the list alone, in a folder of its own, and
then says PASS or FAIL. It is judged by the mel loss of validation (valid/mel) on these utterances,
as a share of the mel error of the best constant spectrum: 1 is what a decoder reaches that has
learnt the average sound and nothing else. The losses of a GAN cannot tell: the adversarial ones
need not fall, and where the others start depends on the random weights.
"""

import dataclasses
import logging
import math
from dataclasses import dataclass
from pathlib import Path

import torch

from hifigan.distributed import Ranks
from hifigan.errors import UserError
from hifigan.loop import Limits
from hifigan.losses import mel_loss
from vits.config import VitsConfig
from vits.corpus.check import CheckedData
from vits.corpus.utterance_table import sample_counts
from vits.data import UtteranceDataset
from vits.loader import frames_alone
from vits.training import VitsTraining

logger = logging.getLogger(__name__)

N_STEPS = 200  # unless --max_steps says how many
PASSING_SHARE = 0.8
LOG_EVERY = 10  # steps, at most
ENDLESS = 10**9  # epochs; the number of steps ends a trial


@dataclass(frozen=True)
class Trial:
    """n_utterances: of the head of the training list; None: those of one step."""

    n_utterances: int | None = None

    @property
    def name(self) -> str:
        return "overfit" if self.n_utterances is None else f"subset_{self.n_utterances}"

    def folder(self, run: Path) -> Path:
        """A new folder beside the run's, which a trial never touches."""
        folder, n = Path(f"{run}_{self.name}"), 1
        while folder.exists():
            n += 1
            folder = Path(f"{run}_{self.name}_{n}")
        return folder

    def adapt(self, config: VitsConfig) -> VitsConfig:
        """The config for so short a run: all learns at once, and the log is close."""
        changes = {
            "epochs": ENDLESS,
            "warmup_steps": 0,
            "discriminator_warmup_steps": 0,
            "freeze_layers": (),
            "unfreeze_at": None,
            "log_every": min(config.train.log_every, LOG_EVERY),
        }
        return dataclasses.replace(config, train=dataclasses.replace(config.train, **changes))

    def cut(self, data: CheckedData, ranks: Ranks) -> CheckedData:
        """The utterances of the trial, which are validated, too."""
        n_utterances = self.n_utterances
        if n_utterances is None:
            n_utterances = min(step_size(data, ranks), len(data.train))
        if n_utterances > len(data.train):
            raise UserError(
                f"--subset {n_utterances}: the training list has {len(data.train)} utterances to "
                f"train on; ask for at most as many"
            )
        chosen = data.train[:n_utterances]
        return dataclasses.replace(data, train=chosen, valid=chosen)


def step_size(data: CheckedData, ranks: Ranks) -> int:
    """Utterances at the list's head that fit into one step of all ranks."""
    train = data.config.train
    size = train.batch_size
    if train.max_batch_frames is not None:
        head = data.train[: ranks.n_ranks * train.accumulate * size]
        n_frames, _ = frames_alone(sample_counts(head), data.config, ranks)
        size = min(size, train.max_batch_frames // int(n_frames.max()))
    return ranks.n_ranks * train.accumulate * max(1, size)


class Judge:
    """Compares the reconstructions before a trial with those after it; all ranks together."""

    def __init__(self, trial: Trial, experiment: VitsTraining, limits: Limits) -> None:
        self.trial = trial
        self.experiment = experiment
        self.first_step = experiment.state.step
        n_steps = N_STEPS if limits.max_steps is None else limits.max_steps
        self.limits = dataclasses.replace(limits, max_steps=self.first_step + n_steps)
        self.constant = experiment.ranks.first(lambda: constant_error(experiment))
        self.before = self.share()
        if experiment.ranks.is_first:
            logger.info(
                "%s: to pass, the mel loss on %d utterances, now %.2f of the best constant "
                "spectrum's error, has to fall below %.2f in %d steps",
                trial.name,
                len(experiment.valid),
                self.before,
                PASSING_SHARE,
                n_steps,
            )

    def share(self) -> float:
        """The mel loss on the trial's utterances as a share of the constant spectrum's error."""
        found = self.experiment.ranks.gather(self.experiment.validate())
        losses = [losses["mel"] for part in found for losses in part.losses]
        return math.fsum(losses) / len(losses) / self.constant

    def passes(self) -> bool:
        """Say PASS or FAIL, or that there is no verdict because the run was stopped early."""
        n_steps, after = self.experiment.state.step - self.first_step, self.share()
        is_over = self.experiment.state.step >= self.limits.max_steps
        passed = is_over and after < PASSING_SHARE and after < self.before
        if self.experiment.ranks.is_first:
            logger.log(
                logging.INFO if passed else logging.WARNING,
                "%s: %s: mel loss %.2f of the best constant spectrum's error before, %.2f after "
                "%d steps%s",
                self.trial.name,
                "PASS" if passed else "FAIL" if is_over else "stopped early, no verdict",
                self.before,
                after,
                n_steps,
                "" if passed else f"; to pass: below {PASSING_SHARE:.2f}, and less than before",
            )
        return passed


@torch.inference_mode()
def constant_error(experiment: VitsTraining) -> float:
    """The mel error of the constant spectrum that is best for the validation list.

    Over windows of segment_frames at every place, as validation draws them: what lies at an
    utterance's ends, often silence, comes into fewer of them.
    """
    spectrogram, config = experiment.spectrogram, experiment.config
    dataset = UtteranceDataset(experiment.valid, config.audio.sample_rate)
    windows = []
    for i in range(len(dataset)):
        wav = dataset[i].wav.to(experiment.ranks.device)
        mel = spectrogram.mel(spectrogram.magnitudes(wav[None, None])).squeeze(0)
        stride = max(1, config.segment_frames // 8)  # close enough, and 8 times a frame at most
        windows.append(mel.unfold(1, config.segment_frames, stride).flatten(1))
    frames = torch.cat(windows, dim=1)  # [n_mels, frames of all windows]
    return float(mel_loss(frames, frames.median(dim=1, keepdim=True).values.expand_as(frames)))
