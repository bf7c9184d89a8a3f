"""Espeak-ng's phonemes, from the library in the package espeakng-loader: no system package.

The phonemes are those that the package phonemizer makes with stress and punctuation kept, which the
published voices were trained on; tests/test_espeak.py holds them against it. It is not used for
three reasons: it copies the library into five temporary folders a language, it crashes where two
threads speak at once, and of "3.5 m." it makes "three. five m".
"""

import ctypes
import difflib
import functools
import re
import threading
from pathlib import Path

from hifigan.errors import UserError

# Of espeak-ng's speak_lib.h. If not synchronous, it keeps a thread, which a fork would lose.
_SYNCHRONOUS, _DO_NOT_EXIT, _UTF8 = 0x02, 0x8000, 0x01
_IPA_PARTED = ord("_") << 8 | 0x02  # IPA with _ between phonemes, without which it joins some

# A run of marks and the spaces around it. A point or comma between digits belongs to a number.
_MARKS = re.compile(r'(\s*(?:(?:[;:!?¡¿—…"]|(?<!\d)[.,]|[.,](?!\d))\s*)+)')
_OTHER_LANGUAGE = re.compile(r"\(.+?\)")  # espeak's "(en)" before a word that is none of its own


def espeak_phonemes(text: str, language: str) -> str:
    """Espeak's IPA of a normalised text, with stress marks and the punctuation kept in place.

    Safe in threads, which wait for each other. A sentence takes about 0.1 ms, so none is cached;
    another language than the last one's up to 3 ms more. The output stays as it is: NFC would
    compose letter and tilde, and the published table has the tilde as a symbol of its own.
    """
    require_language(language)
    espeak = _espeak()
    pieces = _MARKS.split(text)
    pieces[::2] = [espeak.phonemes(piece, language) for piece in pieces[::2]]
    return " ".join("".join(pieces).split())


def espeak_version() -> str:
    return _espeak().version


def espeak_languages() -> dict[str, str]:
    """Name of every language by espeak's code."""
    return {code: name for code, (name, _) in _espeak().voices.items()}


def require_language(language: str) -> None:
    """UserError, with near ones, where espeak has no such language or is not there."""
    if language not in _espeak().voices:
        near = _near_languages(language, espeak_languages())
        raise UserError(
            f'text.language "{language}": espeak has no such voice; expected one of: '
            f"{', '.join(near)}"
        )


class Voice(ctypes.Structure):
    """The beginning of espeak's own record of a voice."""

    _fields_ = [(key, ctypes.c_char_p) for key in ("name", "languages", "identifier")]


class Espeak:
    """The library. A process has one, as it keeps its state in variables of its own."""

    def __init__(self, library_path: str, data_path: str) -> None:
        """OSError: the library does not load, or finds no data."""
        self._lock = threading.Lock()
        self._language = ""  # the one that is set
        library = ctypes.cdll.LoadLibrary(library_path)
        options = 0, data_path.encode(), _DO_NOT_EXIT
        if library.espeak_Initialize(_SYNCHRONOUS, *options) <= 0:
            raise OSError(f"it cannot read {data_path}; a path of 160 characters is too long")
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        library.espeak_Info.restype = ctypes.c_char_p
        library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(Voice))
        library.espeak_Synth.argtypes = (
            [ctypes.c_char_p, ctypes.c_size_t]
            + [ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint]
            + [ctypes.c_void_p, ctypes.c_void_p]
        )
        self._library = library
        self.version = library.espeak_Info(None).decode().split()[0]
        self.voices = self._list_voices(Path(data_path))

    def phonemes(self, text: str, language: str) -> str:
        """IPA of a text without punctuation. language: a key of `voices`."""
        if not text:
            return ""
        rest = ctypes.c_char_p(text.encode())
        clauses = []
        with self._lock:
            if language != self._language:
                self._set(language)
            while rest.value is not None:
                read = self._library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA_PARTED)
                clauses.append((read or b"").decode())
        return _OTHER_LANGUAGE.sub("", " ".join(clauses).replace("\n", " ").replace("_", ""))

    def _set(self, language: str) -> None:
        """Make it the language of what follows.

        A new voice waits, at 1.3 kB, to be taken up by the next sound. There are no sounds here, so
        an empty one takes it up; else a list that alternates languages would fill the memory.
        """
        self._library.espeak_SetVoiceByName(self.voices[language][1])
        self._library.espeak_Synth(b"", 1, 0, 0, 0, _UTF8, None, None)
        self._language = language

    def _list_voices(self, data: Path) -> dict[str, tuple[str, bytes]]:
        """Name and identifier of every language's first voice, by the language's code.

        Left out: voices of MBROLA, which need a program of their own, and those whose dictionary
        is not there, which would read by that of the language before them.
        """
        voices: dict[str, tuple[str, bytes]] = {}
        listed = self._library.espeak_ListVoices(None)
        i = 0
        while listed[i]:
            voice = listed[i].contents
            code = voice.languages[1:].decode()  # behind a byte of priority
            identifier = voice.identifier.decode().replace("\\", "/")
            if not identifier.startswith("mb/") and _has_dictionary(data, identifier, code):
                name = voice.name.decode().replace("_", " ")
                voices.setdefault(code, (name, voice.identifier))
            i += 1
        return voices


def _has_dictionary(data: Path, identifier: str, code: str) -> bool:
    named = re.search(r"^dictionary\s+(\w+)", (data / "lang" / identifier).read_text("utf-8"), re.M)
    return (data / f"{named[1] if named else code.split('-')[0]}_dict").exists()


@functools.lru_cache(maxsize=None)
def _espeak() -> Espeak:
    try:
        import espeakng_loader
    except ImportError:
        raise UserError(
            'text.front_end "phonemes" needs the package espeakng_loader, which is not installed; '
            "run: pip install espeakng-loader; or train on letters: "
            "--set text.front_end=characters --set text.symbols=from_data"
        ) from None
    try:
        return Espeak(espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"espeak-ng of the package espeakng-loader does not load ({error}); run: "
            f"pip install --force-reinstall espeakng-loader"
        ) from None


def _near_languages(language: str, languages: dict[str, str]) -> list[str]:
    """Codes that start alike, whose language is called so, or that look alike; else all."""
    asked = language.lower().replace("_", "-")
    stem = asked.split("-")[0]
    near = [
        code
        for code, name in languages.items()
        if code == asked or code.split("-")[0] == stem or stem in name.lower().split()
    ]
    near += difflib.get_close_matches(asked, languages, 3, 0.6)
    return [f"{code} ({languages[code]})" for code in dict.fromkeys(near)] or sorted(languages)
