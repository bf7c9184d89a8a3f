"""Faults of texts and lists, planted into good ones: what each plants, and where."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from vits.sources.entry import Entry

MINI = Path(__file__).parent.parent / "data/ljspeech-mini"
BULGARIAN = (
    "Това е тестово изречение за проба.",
    "Днес времето е хубаво и топло.",
    "Къде отиваш толкова рано сутринта?",
    "Книгата лежи на масата в стаята.",
    "Птиците пеят в градината зад къщата.",
    "Утре ще пътуваме към планината.",
    "Водата в реката е студена.",
    "Той каза, че ще дойде по-късно.",
    "Купих хляб, мляко и сирене от магазина.",
    "Влакът пристига точно навреме.",
    "Децата играят на двора пред училището.",
    "Музиката се чува отдалече.",
)


def english() -> list[Entry]:
    rows = (MINI / "metadata.csv").read_text("utf-8").splitlines()
    made = []
    for i, row in enumerate(rows, start=1):
        id_, text = row.split("|")[0], row.split("|")[-1]
        text = text if text[-1] in ".?!;:" else text.rstrip(",") + "."
        path = MINI / f"flac/{id_}.flac"
        made.append(Entry(id_, path, None, text, None, None, f"metadata.csv:{i}"))
    return made


def bulgarian() -> list[Entry]:
    return [
        Entry(f"b{i}", Path(f"wavs/b{i}.wav"), None, text, None, None, f"metadata.csv:{i + 1}")
        for i, text in enumerate(BULGARIAN)
    ]


def with_text(text: str | Callable[[str], str], at: Sequence[int] = (3,)) -> Callable:
    """Plants another text into some entries."""

    def plant(entries: list[Entry]) -> tuple[list[Entry], set[str]]:
        changed = list(entries)
        for i in at:
            made = text(entries[i].text) if callable(text) else text
            changed[i] = replace(entries[i], text=made)
        return changed, {entries[i].id for i in at}

    return plant


PLANTS = {  # kind of the finding: language of the good texts, and what plants it
    "empty_text": ("en", with_text("")),
    "only_punctuation": ("en", with_text("...!")),
    "mojibake": (
        "bg",
        with_text(lambda t: t.encode().decode("cp1251", "replace").replace("\ufffd", "ў")),
    ),
    "mojibake of latin": ("en", with_text("He ate in a cafÃ© every day.")),
    "replacement_character": ("en", with_text(lambda t: t[:9] + "\ufffd" + t[10:])),
    "control_characters": ("en", with_text(lambda t: t[:9] + "\x07" + t[9:])),
    "control_characters of no width": ("bg", with_text(lambda t: t[:9] + "\u200b" + t[9:])),
    "markup": ("en", with_text("He said <b>no</b> &amp; left.")),
    "address": ("en", with_text("See https://example.com/x for more.")),
    "noise_marks": ("en", with_text("Well [laughs] I do not know.")),
    "timestamp": ("en", with_text("00:01:02,500 and then he came.")),
    "emoji": ("en", with_text("That is good \U0001f600.")),
    "repeated_marks": ("en", with_text("What is it?????")),
    "spaces": ("en", with_text(lambda t: t.replace(" ", "  ", 1))),
    "mixed_scripts": ("bg", with_text("Сaмo това е вярно.")),  # Latin a and o
    "mixed_scripts in Latin words": ("en", with_text("The сat sat there.")),  # Cyrillic с
    "other_script": ("bg", with_text("This one is English.")),
    "long_text": ("en", with_text("a long text without an end, " * 20 + "yes.")),
    "capitals": ("en", with_text("THIS IS WHAT HE SAID.")),
    "no_end_mark": ("en", with_text("there is no end")),
    "numbers_left": ("en", with_text("Число ٣ here.")),
}
