"""Speaking with a trained voice: a checkpoint in, text in, waveform out (VITS Fig. 1b)."""

import logging
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hifigan.checkpoint import open_checkpoint
from hifigan.errors import UserError
from hifigan.generator import fold_weight_norm
from hifigan.json_config import config_from_dict
from hifigan.start import Opener
from vits.config import VitsConfig
from vits.model import VitsModel, make_model
from vits.stochastic_duration_predictor import StochasticDurationPredictor
from vits.text import (
    FrontEnd,
    SymbolTable,
    build_front_end,
    describe_symbol,
    spelt_words,
    split_pauses,
)

logger = logging.getLogger(__name__)

WEIGHTS = ("ema", "trained")  # the moving average is the better voice where there is one


def open_to_speak(path: Path) -> tuple[Path, dict[str, Any]]:
    """Opens what this project wrote."""
    path, contents = open_checkpoint(path, for_synthesis=True)
    return path, {key: value for key, value in contents.items() if key != "absent"}


@dataclass(frozen=True)
class Voice:
    """A model ready to speak, with the symbols and speakers it was trained on."""

    config: VitsConfig
    model: VitsModel
    front_end: FrontEnd
    symbols: SymbolTable
    device: torch.device
    step: int  # of training
    weights: str  # one of WEIGHTS

    @torch.inference_mode()
    def speak(
        self,
        text: str,
        speaker: str | None = None,
        noise_scale: float = 0.667,
        noise_scale_w: float = 0.8,
        length_scale: float = 1.0,
        seed: int = 0,
        language: str | None = None,
    ) -> Tensor:
        """The waveform [T_wav] of a text, float32 in [-1, 1] at config.audio.sample_rate, on the
        CPU.

        `noise_scale` varies the voice, `noise_scale_w` the rhythm, `length_scale` multiplies every
        duration. The same seed gives the same samples. Symbols that the voice does not know are
        named and left out. Marks of pauses become silence (vits/text/marks.py).
        """
        language = self.language(language)
        if not self.can_say(text, language):
            raise UserError(
                f"text {text!r}: nothing in it that the voice can say; its symbols are: "
                f"{''.join(self.config.text.symbols)}"
            )
        pieces = []
        for piece in split_pauses(text):
            if isinstance(piece, float):
                pieces.append(torch.zeros(round(piece * self.config.audio.sample_rate)))
            elif self.can_say(piece, language):
                tokens = self._tokens(piece, language)
                scales = noise_scale, noise_scale_w, length_scale
                pieces.append(self._synthesize(tokens, speaker, language, *scales, seed))
        return torch.cat(pieces)

    def language(self, name: str | None) -> str | None:
        """The language to read in: the one named, or where none is, text.language; None for a voice
        of one language.
        """
        languages = self.config.data.languages
        if languages is None:
            if name is not None:
                raise UserError(
                    f"--language {name}: this voice reads {self.config.text.language} alone; leave "
                    f"--language out"
                )
            return None
        if name is None and self.config.text.language in languages:
            return self.config.text.language
        if name not in languages:
            found = "no --language given" if name is None else f"--language {name}: unknown"
            raise UserError(f"{found}; this voice has: {', '.join(languages)}")
        return name

    def can_say(self, text: str, language: str | None = None) -> bool:
        """Whether any letter, digit or phoneme of the text is among the voice's symbols."""
        symbols = self.front_end(text, language)
        return any(symbol in self.symbols and symbol.isalnum() for symbol in symbols)

    def _tokens(self, text: str, language: str | None) -> Tensor:
        """The ids [1, T_text] of a text; what is odd about it is told."""
        symbols = self.front_end(text, language)
        unknown = self.symbols.unknown(symbols)
        if unknown:
            logger.warning(
                "left out, because the voice does not know them: %s",
                ", ".join(describe_symbol(symbol) for symbol in dict.fromkeys(unknown)),
            )
        words, spelt = spelt_words([text], partial(self.front_end, language=language))
        if 2 * len(spelt) > len(words):
            logger.warning(
                "the voice's language, %r, does not read %r and spells its letters",
                language or self.config.text.language,
                spelt[0],
            )
        known = self.symbols.known(symbols)
        return torch.tensor([self.symbols.encode(known)], device=self.device)

    def _synthesize(
        self,
        tokens: Tensor,
        speaker: str | None,
        language: str | None,
        noise_scale: float,
        noise_scale_w: float,
        length_scale: float,
        seed: int,
    ) -> Tensor:
        lengths = torch.tensor([tokens.shape[1]], device=self.device)
        draws = torch.Generator().manual_seed(
            seed
        )  # on the CPU, so that every device draws the same

        def draw(*shape: int, device: torch.device) -> Tensor:
            return torch.randn(*shape, generator=draws).to(device)

        return (
            self.model.synthesize(
                tokens,
                lengths,
                self._speaker_id(speaker),
                noise_scale,
                noise_scale_w,
                length_scale,
                draw,
                self._language_id(language),
            )
            .wav_hat[0, 0]
            .cpu()
        )

    def _language_id(self, language: str | None) -> Tensor | None:
        if not self.config.model.language_embedding:
            return None
        return torch.tensor([self.config.data.languages.index(language)], device=self.device)

    def _speaker_id(self, speaker: str | None) -> Tensor | None:
        speakers = self.config.data.speakers
        if speakers is None:
            if speaker is not None:
                raise UserError(
                    f"--speaker {speaker}: this voice has one speaker; leave --speaker out"
                )
            return None
        if speaker not in speakers:
            found = "no --speaker given" if speaker is None else f"--speaker {speaker}: unknown"
            raise UserError(f"{found}; this voice has: {', '.join(speakers)}")
        return torch.tensor([speakers.index(speaker)], device=self.device)


def load_voice(
    path: Path, device: torch.device, weights: str | None = None, opener: Opener = open_to_speak
) -> Voice:
    """The voice in a checkpoint or speak-only file, or in a run folder's newest checkpoint.

    `weights` is "ema" for the moving average or "trained"; None for the first of them that is
    there. `opener` opens the path; vits/exchange/speaking.py has one for everyone's files.
    """
    path, contents = opener(path)
    config: VitsConfig = config_from_dict(VitsConfig, contents["config"], str(path))
    weights, state = choose_weights(path, contents, weights)
    model = make_model(config)
    if "speak_only" in contents:
        drop_training_parts(model)
    absent = contents.get("absent", ())  # what only training uses, in other people's files
    try:
        loaded = model.load_state_dict(state, strict=not absent)
    except RuntimeError as error:
        raise UserError(
            f"{path}: its weights do not fit its config: {str(error).splitlines()[1].strip()}; "
            f"use another checkpoint"
        ) from None
    gaps = [n for n in loaded.missing_keys if not any(fnmatchcase(n, a) for a in absent)]
    if gaps or loaded.unexpected_keys:
        raise UserError(
            f"{path}: its weights do not fit its config: {(gaps + loaded.unexpected_keys)[0]} is "
            f"in one of them alone; use another file"
        )
    if absent:
        drop_training_parts(model)
    fold_weight_norm(model)
    logger.info("voice: %s, step %d, %s weights", path, contents["step"], weights)
    return Voice(
        config,
        model.eval().to(device),
        build_front_end(config.text),
        SymbolTable(config.text),
        device,
        contents["step"],
        weights,
    )


def choose_weights(
    path: Path, contents: dict[str, Any], wanted: str | None
) -> tuple[str, dict[str, Tensor]]:
    """Which of WEIGHTS to speak with and their state_dict, from what read_checkpoint returns."""
    if "speak_only" in contents:
        found = {contents["speak_only"]: contents["generator"]}
    else:
        found = {"ema": contents.get("ema"), "trained": contents["generator"]}
    there = [name for name in WEIGHTS if found.get(name)]
    name = wanted or there[0]
    if name not in there:
        raise UserError(
            f"{path}: has no {name} weights, only {there[0]} ones; leave --weights out"
            + (", or set train.ema_decay in training" if name == "ema" else "")
        )
    state = found[name]
    if not isinstance(state, dict) or not all(isinstance(w, Tensor) for w in state.values()):
        raise UserError(
            f"{path}: its {name} weights are no weights; damaged, use another checkpoint"
        )
    return name, state


def drop_training_parts(model: VitsModel) -> None:
    """Leave what `synthesize` uses, with weight norm folded: the parts of a speak-only file."""
    fold_weight_norm(model)
    model.posterior_encoder = None
    predictor = model.duration_predictor
    if isinstance(predictor, StochasticDurationPredictor):
        predictor.posterior_input = predictor.posterior_convs = None
        predictor.posterior_projection = predictor.posterior_flows = None
        predictor.flows.couplings[0] = nn.Identity()  # its inverse is left out, see SplineFlows
