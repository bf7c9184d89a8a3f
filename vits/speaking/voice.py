"""A voice: text in, waveform out (VITS Fig. 1b), as a whole, piece by piece, or as times alone."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from hifigan.errors import UserError
from hifigan.mel import Spectrogram
from hifigan.streaming import make_piece
from vits.config import VitsConfig
from vits.model import VitsModel
from vits.speaking.engine import Drawn, Engine, Scales
from vits.speaking.manner import Manner
from vits.speaking.oddities import Oddities
from vits.speaking.pieces import pieces_of
from vits.speaking.timings import Timing, timing_of
from vits.speaking.torch_engine import TorchEngine
from vits.text import FrontEnd, SymbolTable
from vits.text_on_frames import TooManyFrames

FIRST_CHUNK, GROWTH, LARGEST_CHUNK = 24, 2, 384  # frames of a stream's pieces: the first one soon


@dataclass(frozen=True)
class Line:
    """A piece of a text, as symbols that the voice knows; without symbols it is silence alone."""

    text: str
    symbols: list[str]
    ids: list[int]
    n_silent: int  # samples of silence behind it


@dataclass(frozen=True)
class Utterance:
    """A line that was spoken."""

    line: Line
    wav: Tensor  # [T_wav], float32 in [-1, 1] on the CPU, with the silence behind it
    frames: list[int]  # of each symbol


@dataclass(frozen=True)
class Voice:
    """A model ready to speak, with the symbols and speakers it was trained on.

    Methods take the fields of Manner as keywords: voice.speak("Hello.", speaker="anna", seed=3).
    """

    config: VitsConfig
    engine: Engine
    front_end: FrontEnd
    symbols: SymbolTable
    step: int  # of training
    weights: str  # "ema", the moving average, or "trained"

    @property
    def sample_rate(self) -> int:
        """Hz"""
        return self.config.audio.sample_rate

    @property
    def speakers(self) -> tuple[str, ...]:
        """Their names; none for a voice of one speaker."""
        return tuple(self.config.data.speakers or ())

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that it reads, by espeak's names."""
        return tuple(self.config.data.languages or (self.config.text.language,))

    @property
    def model(self) -> VitsModel:
        """What PyTorch computes the voice with."""
        if not isinstance(self.engine, TorchEngine):
            raise UserError("this voice is computed by onnxruntime; load its checkpoint instead")
        return self.engine.model

    def speak(self, text: str, **manner: Any) -> Tensor:
        """The waveform [T_wav] of a text, float32 in [-1, 1] at sample_rate, on the CPU.

        manner: see Manner. Symbols that the voice does not know are named and left out. Marks of
        pauses become silence (vits/text/marks.py). UserError: nothing in the text can be said.
        """
        return torch.cat([spoken.wav for _, spoken in self.utterances([text], Manner(**manner))])

    def stream(self, text: str, **manner: Any) -> Iterator[Tensor]:
        """The same samples in pieces [T_piece], the first of them as soon as can be."""
        how = Manner(**manner)
        yield from self.stream_lines(self.lines(text, how), how)

    def stream_lines(self, lines: Sequence[Line], how: Manner) -> Iterator[Tensor]:
        """As stream, of a text that `lines` has read."""
        speaker = self.speaker_id(how.speaker)
        for line, drawn in self._drawn(lines, how, n_ahead=1):
            if drawn is not None:
                yield from self._chunks(drawn.z_p, speaker)
            if line.n_silent:
                yield torch.zeros(line.n_silent)

    def timings(self, text: str, **manner: Any) -> list[Timing]:
        """When each sentence, word and symbol sounds in what speak makes of the same; no waveform
        is made.
        """
        how = Manner(**manner)
        made, start = [], 0
        for line, drawn in self._drawn(self.lines(text, how), how, self.engine.batch):
            if drawn is not None:
                frames = self._frames(drawn)
                made.append(self.timing(line, frames, start, how))
                start += sum(frames) * self.engine.hop_length
            start += line.n_silent
        return made

    def timing(self, line: Line, frames: Sequence[int], start: int, how: Manner) -> Timing:
        """When the words and symbols of a line sound. start: its first sample."""
        read = partial(self.front_end, language=self.language(how.language))
        hop_length = self.engine.hop_length
        return timing_of(line.text, line.symbols, frames, start, hop_length, read)

    def utterances(self, texts: Iterable[str], how: Manner) -> Iterator[tuple[int, Utterance]]:
        """The lines of several texts, spoken, each with the number of its text.

        Some lines are computed together, but each is what it would be alone, and they come in their
        order. Texts with nothing to say are a UserError, see lines.
        """
        speaker = self.speaker_id(how.speaker)
        odd = Oddities()
        numbered = (
            (i, line) for i, text in enumerate(texts) for line in self.lines(text, how, odd)
        )
        while group := list(islice(numbered, self.engine.batch)):
            found = [*self._drawn([line for _, line in group], how, len(group))]
            draws = [drawn for _, drawn in found if drawn is not None]
            latents = self.engine.flow([drawn.z_p for drawn in draws], speaker)
            wavs = iter(self.engine.decode(latents, speaker))
            for (number, line), (_, drawn) in zip(group, found):
                silence = torch.zeros(line.n_silent)
                if drawn is None:
                    yield number, Utterance(line, silence, [])
                else:
                    wav = torch.cat([next(wavs), silence])
                    yield number, Utterance(line, wav, self._frames(drawn))

    @torch.inference_mode()
    def convert(self, wav: Tensor, source: str, target: str) -> Tensor:
        """What the speaker `source` said in the voice of `target` (VITS Appendix D).

        wav: [T_wav] in [-1, 1] at sample_rate. Returns [T_wav], cut to whole frames.
        """
        if not self.speakers:
            raise UserError(
                "this voice has one speaker, expected several; a voice is converted between two "
                "speakers of a model"
            )
        if self.model.posterior_encoder is None:
            raise UserError(
                "this file has no posterior encoder, which converting voices needs; load the "
                "checkpoint of training instead"
            )
        ids = self.speaker_id(source, "--speaker_from"), self.speaker_id(target)
        audio = self.config.audio
        if len(wav) <= max(audio.overlap, audio.hop_length):
            raise UserError(
                f"{len(wav)} samples to convert, expected more than "
                f"{max(audio.overlap, audio.hop_length)}"
            )
        spec = Spectrogram(audio).magnitudes(wav[None, None])[0]
        return self.engine.decode([self.engine.convert(spec, *ids)], ids[1])[0]

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
        return self._is_sayable(self.front_end(text, language))

    def lines(self, text: str, how: Manner, odd: Oddities | None = None) -> list[Line]:
        """The pieces of a text that the voice can say, and the pauses that the text asks for.

        What is odd about them is told, once: for several texts with the same `odd`. UserError:
        there is none.
        """
        language = self.language(how.language)
        made, unknown = [], []
        pieces = pieces_of(text, language or self.config.text.language, how.sentence_silence)
        for piece in pieces:
            symbols = self.front_end(piece.text, language) if piece.text else []
            unknown += self.symbols.unknown(symbols)
            known = self.symbols.known(symbols) if self._is_sayable(symbols) else []
            if known or piece.silence > how.sentence_silence or not piece.text:
                ids = self.symbols.encode(known) if known else []
                made.append(Line(piece.text, known, ids, round(piece.silence * self.sample_rate)))
        if not any(line.ids for line in made):
            raise UserError(
                f"text {text[:200]!r}: nothing in it that the voice can say; its symbols are: "
                f"{''.join(self.config.text.symbols)}"
            )
        odd = odd or Oddities()
        odd.tell_unknown(unknown)
        odd.tell_spelling(text, self.front_end, language or self.config.text.language)
        return made

    def speaker_id(self, speaker: str | None, flag: str = "--speaker") -> int | None:
        """A speaker's place in the config's list; None for a voice of one speaker. flag: who names
        it, for messages.
        """
        speakers = self.config.data.speakers
        if speakers is None:
            if speaker is not None:
                raise UserError(f"{flag} {speaker}: this voice has one speaker; leave {flag} out")
            return None
        if speaker not in speakers:
            found = f"no {flag} given" if speaker is None else f"{flag} {speaker}: unknown"
            raise UserError(f"{found}; this voice has: {', '.join(speakers)}")
        return speakers.index(speaker)

    def _is_sayable(self, symbols: Sequence[str]) -> bool:
        return any(symbol in self.symbols and symbol.isalnum() for symbol in symbols)

    def _drawn(
        self, lines: Sequence[Line], how: Manner, n_ahead: int
    ) -> Iterator[tuple[Line, Drawn | None]]:
        """The draw of each line, None of one without symbols; n_ahead lines are in memory."""
        speaker, language = self.speaker_id(how.speaker), self._language_id(how.language)
        scales = Scales(how.noise_scale, how.noise_scale_w, how.length_scale)
        for first in range(0, len(lines), n_ahead):
            group = lines[first : first + n_ahead]
            texts = [line.ids for line in group if line.ids]
            try:
                draws = iter(self.engine.draw(texts, scales, how.seed, speaker, language))
            except TooManyFrames as fault:
                text = next(line.text for line in group if len(line.ids) == fault.n_symbols)
                raise UserError(f"text {text[:200]!r}: {fault}") from None
            for line in group:
                yield line, next(draws) if line.ids else None

    def _frames(self, drawn: Drawn) -> list[int]:
        return self.symbols.spread(drawn.durations.tolist())

    def _chunks(self, z_p: Tensor, speaker: int | None) -> Iterator[Tensor]:
        """The samples of a draw [C, T_spec] in pieces, short ones first.

        Latents are made as far as the next piece needs them.
        """
        engine, n_all = self.engine, z_p.shape[1]

        def flow(frames: Tensor) -> Tensor:
            return engine.flow([frames[0]], speaker)[0][None]

        def decode(z: Tensor) -> Tensor:
            return engine.decode([z[0]], speaker)[0][None, None]

        whole = engine.flow_context is None
        z = flow(z_p[None]) if whole else z_p.new_zeros(1, z_p.shape[0], 0)
        first = start = 0  # frames: of z, and of the next piece
        n_frames = FIRST_CHUNK
        while start < n_all:
            stop = min(start + n_frames, n_all)
            known, needed = first + z.shape[2], min(stop + engine.context_frames, n_all)
            if needed > known:
                more = make_piece(flow, z_p[None], known, needed, engine.flow_context)
                z = torch.cat([z, more], dim=2)
            yield make_piece(decode, z, start - first, stop - first, engine.context_frames)[0, 0]
            kept = max(0, stop - engine.context_frames)
            z, first = z[:, :, kept - first :], kept
            start, n_frames = stop, min(GROWTH * n_frames, LARGEST_CHUNK)

    def _language_id(self, name: str | None) -> int | None:
        if not self.config.model.language_embedding:
            return None
        return self.config.data.languages.index(self.language(name))
