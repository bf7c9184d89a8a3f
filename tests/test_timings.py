"""Times of words and symbols are those of the durations, to the frame, in every format."""

import json
import re

import pytest

from hifigan.errors import UserError
from tests.small_voice import small_voice
from vits.config import TextConfig
from vits.speaking.manner import Manner
from vits.speaking.timing_files import as_json, as_subtitles, as_text_grid, require_timing_path
from vits.speaking.timings import Span, Timing, timing_of
from vits.speaking.voice import Voice
from vits.text import SymbolTable, build_front_end

LETTERS = 'text.symbols=["_", " ", ".", ",", "a", "b", "c", "d"]'
HOP = 10


def timed(text: str, config: TextConfig) -> Timing:
    """As if every symbol lasted a frame."""
    read = build_front_end(config)
    symbols = read(text)
    return timing_of(text, symbols, [1] * len(symbols), 100, HOP, read)


def said(timing: Timing) -> list[tuple[str, str]]:
    """Each word with the symbols that sound in its time."""
    return [
        (
            word.label,
            "".join(s.label for s in timing.symbols if word.start <= s.start < word.end),
        )
        for word in timing.words
    ]


def test_letters_belong_to_their_words_and_marks_to_none() -> None:
    timing = timed("Cab, a dad!", TextConfig("characters", "en-us", "from_data", True))
    assert said(timing) == [("Cab,", "cab"), ("a", "a"), ("dad!", "dad")]
    assert (timing.start, timing.end) == (100, 100 + HOP * len("cab, a dad!"))
    assert [s.start for s in timing.symbols] == list(range(100, timing.end, HOP))


def test_espeaks_joined_words_and_spoken_numbers_are_parted_and_joined() -> None:
    config = TextConfig("phonemes", "en-us", "from_data", True, expand=True)
    timing = timed("The top of the hill is 21 feet, 2/3 as high.", config)
    words = dict(said(timing))
    assert list(words) == "The top of the hill is 21 feet, 2/3 as high.".split()
    assert words["top"].endswith("p") and words["hill"].startswith("h")
    assert words["of"] and words["2/3"] == "tˈuː θˈɜːdz" and words["21"].endswith("n")
    assert words["feet,"].replace("ˈ", "") == "fiːt"
    ends = [word.end for word in timing.words]
    assert ends == sorted(ends) and all(w.start <= w.end for w in timing.words)


def test_phonemes_in_brackets_are_a_word() -> None:
    config = TextConfig("phonemes", "en-us", "from_data", True)
    assert said(timed("Say [[həlˈoʊ]] now.", config))[1] == ("[[həlˈoʊ]]", "həlˈoʊ")


@pytest.mark.parametrize("add_blank", [True, False])
@pytest.mark.parametrize("ends", [(None, None), ("^", "$")])
def test_durations_of_ids_become_those_of_symbols(add_blank: bool, ends: tuple) -> None:
    start, end = ends
    config = TextConfig(
        "characters", "en-us", ("_", "a", "b", "^", "$"), add_blank, start=start, end=end
    )
    table = SymbolTable(config)
    ids = table.encode(["a", "b", "a"])
    durations = [2**i for i in range(len(ids))]
    frames = table.spread(durations)
    assert sum(frames) == sum(durations) and len(frames) == 3
    first = int(start is not None) + int(add_blank)
    assert frames[0] == sum(durations[: first + 1 + int(add_blank)])
    assert frames[1] == sum(durations[first + 1 + int(add_blank) :][: 1 + int(add_blank)])


@pytest.fixture
def voice(smallest) -> Voice:
    return small_voice(smallest(LETTERS))


def test_times_of_a_voice_are_those_of_its_samples(voice: Voice) -> None:
    text = "<pause=200ms>Abba bad. Cab dab.<pause=1s>Dada, dad."
    wav, timings = voice.speak(text, seed=4), voice.timings(text, seed=4)
    assert [timing.text for timing in timings] == ["Abba bad.", "Cab dab.", "Dada, dad."]
    assert timings[-1].end == len(wav) and timings[0].start == round(0.2 * voice.sample_rate)
    end = 0
    for timing in timings:
        assert not wav[end : timing.start].any() and timing.start > end
        assert timing.symbols[0].start == timing.start and timing.symbols[-1].end == timing.end
        assert all(a.end == b.start for a, b in zip(timing.symbols, timing.symbols[1:]))
        assert all(s.start < s.end for s in timing.symbols)
        assert all((s.start - timing.start) % voice.engine.hop_length == 0 for s in timing.symbols)
        end = timing.end
    slow = voice.timings(text, seed=4, length_scale=3)
    assert slow[-1].end > 1.5 * timings[-1].end


@pytest.mark.parametrize(
    "settings",
    [(), ("text.add_blank=false",), ("text.start=c", "text.end=d"), ("text.blank=b",)],
)
@pytest.mark.parametrize("text", ["a", "Xa ба. ?! Abba, x.", "Bad. <pause=2s>", "Add, " * 90])
def test_times_and_silences_sum_to_the_length_of_the_sound(smallest, settings, text) -> None:
    voice = small_voice(smallest(LETTERS, *settings))
    timings = voice.timings(text, seed=2, length_scale=1.3)
    lines = voice.lines(text, Manner())
    silences = [line.n_silent for line in lines]
    lasting = [sum(s.end - s.start for s in timing.symbols) for timing in timings]
    wav = voice.speak(text, seed=2, length_scale=1.3)
    assert sum(lasting) + sum(silences) == len(wav)
    assert len(timings) == sum(bool(line.ids) for line in lines)
    assert [t.start for t in timings[1:]] == [t.end + n for t, n in zip(timings, silences)][:-1]


def test_marks_that_stand_alone_are_kept_in_subtitles() -> None:
    text = "« Tu viens ? », dit " + "elle encore une fois " * 5 + "— non !"
    words = [w for w in text.split() if any(map(str.isalnum, w))]
    spans = [Span(w, 1000 * i, 1000 * (i + 1)) for i, w in enumerate(words)]
    told = as_subtitles([Timing(text, 0, 1000 * len(words), spans, [])], 99000, 8000)
    cues = [cue.split("\n")[2] for cue in told.strip().split("\n\n")]
    assert len(cues) > 1 and " ".join(cues) == text


def example() -> list[Timing]:
    words = [Span("Hi", 8000, 12000), Span("there.", 12000, 16000)]
    symbols = [Span("h", 8000, 12000), Span(" ", 12000, 12800), Span('"', 12800, 16000)]
    long = "one two three four five six seven eight nine ten, " * 3
    many = [Span(w, 20000 + 500 * i, 20500 + 500 * i) for i, w in enumerate(long.split())]
    return [
        Timing("Hi\nthere.", 8000, 16000, words, symbols),
        Timing(long.strip(), 20000, 35000, many, [Span("x", 20000, 35000)]),
    ]


def test_json_has_seconds() -> None:
    found = json.loads(as_json(example(), 40000, 8000))
    assert found["seconds"] == 5 and found["sample_rate"] == 8000
    assert found["pieces"][0]["words"][1] == {"word": "there.", "start": 1.5, "end": 2}
    assert found["pieces"][0]["symbols"][0] == {"symbol": "h", "start": 1, "end": 1.5}


def test_subtitles_are_cues_in_order_that_fit_two_lines() -> None:
    text = as_subtitles(example(), 40000, 8000)
    cues = [cue.split("\n") for cue in text.strip().split("\n\n")]
    assert cues[0] == ["1", "00:00:01,000 --> 00:00:02,000", "Hi there."]
    assert [cue[0] for cue in cues] == [str(i + 1) for i in range(len(cues))] and len(cues) >= 3
    assert all(len(cue[2]) <= 84 for cue in cues)
    assert " ".join(cue[2] for cue in cues[1:]) == example()[1].text
    times = re.findall(r"\d\d:\d\d:(\d\d),(\d\d\d)", text)
    seconds = [int(s) + int(ms) / 1000 for s, ms in times]
    assert seconds == sorted(seconds)


def test_a_text_grid_covers_the_whole_without_gaps() -> None:
    text = as_text_grid(example(), 40000, 8000)
    assert text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n')
    tiers = text.split('class = "IntervalTier"')[1:]
    assert len(tiers) == 3
    for tier in tiers:
        rows = re.findall(r'xmin = (\S+)\n\s+xmax = (\S+)\n\s+text = "(.*)"\n', tier)
        assert f"intervals: size = {len(rows)}\n" in tier
        assert rows[0][0] == "0" and rows[-1][1] == "5"
        assert all(a[1] == b[0] for a, b in zip(rows, rows[1:]))
    assert 'text = "there"' in tiers[1] and 'text = """"' in tiers[2]


def test_a_file_of_another_kind_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="cannot write '.txt'; name it with one of: .json, .srt"):
        require_timing_path(tmp_path / "times.txt")
