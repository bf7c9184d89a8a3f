"""Texts part at the ends of sentences, long ones at clauses, and no word is lost."""

import random
import time

import pytest

from vits.text.sentences import pieces, split_long, split_sentences

CASES = [  # language, sentences as they should part
    ("en", ["He came.", "She left."]),
    ("en", ["Dr. Smith met Mrs. Jones.", "They spoke."]),
    ("en", ["It costs 3.50.", "Really?", "Yes!"]),
    ("en", ["Wait... what?", "No way!"]),
    ("en", ["“Stop!” he said.", "“Why?” she asked."]),
    ("en", ["He said “Stop.”", "Then he left."]),
    ("en", ["J. R. R. Tolkien wrote it.", "G. B. Shaw did not."]),
    ("en", ["We chose plan B.", "Then it rained."]),
    ("en", ["Fruit, e.g. apples, is good.", "So is No. 5 on the list."]),
    ("en", ["He lives in the U.S. and works.", "Fine."]),
    ("en", ["At 5 p.m. he left.", "She stayed."]),
    ("en", ["(It was late.)", "They slept."]),
    ("en", ["What?!", "Never…", "Perhaps."]),
    ("en", ["No end"]),
    ("en", ["See www.example.com for more.", "Bye."]),
    ("en", ["Version 3.2.1 is out.", "Get it."]),
    ("en", ["Yes.", "12 men came.", "They sat."]),
    ("en", ["St. Paul is in Minnesota.", "It is cold."]),
    ("en", ["On Nov. 5 we met.", "On Dec. 6 we parted."]),
    ("en", ["He asked: why?", "Nobody knew."]),
    ("bg", ["Той дойде.", "Тя си тръгна."]),
    ("bg", ["Проф. Иванов и д-р Петров говориха.", "Беше късно."]),
    ("bg", ["Роден е в гр. София на ул. Раковски.", "Живее там."]),
    ("bg", ["Това, т.е. книгата, е ново.", "Да."]),
    ("bg", ["„Спри!“ – каза той.", "Тя спря."]),
    ("bg", ["И. Вазов е писател.", "Х. Ботев – поет."]),
    ("bg", ["Св. Георги е патрон.", "Празникът е на 6 май."]),
    ("bg", ["Струва 12.50 лева.", "Скъпо е."]),
    ("bg", ["Какво?!", "Нищо…", "Добре."]),
    ("bg", ["Вж. стр. 5 и чл. 7 от закона.", "Ясно е."]),
    ("bg", ["Има 5 млн. жители.", "Много са."]),
    ("bg", ["Г-н Иванов дойде.", "Г-жа Иванова – не."]),
    ("bg", ["Беше 14.30 ч. и валеше.", "После спря."]),
    ("ru", ["Он пришёл.", "Она ушла."]),
    ("ru", ["А. С. Пушкин родился в г. Москве.", "Это известно."]),
    ("ru", ["Живёт на ул. Ленина.", "Там тихо."]),
    ("ru", ["«Стой!» — сказал он.", "Она остановилась."]),
    ("ru", ["Население 5 млн. Человек много."]),  # after млн. nothing ends
    ("ja", ["今日は。", "明日は？", "はい"]),
    ("zh", ["你好！", "再见。"]),
    ("hi", ["वह आया।", "वह गई।"]),
    ("ar", ["من أنت؟", "أنا هنا."]),
]


@pytest.mark.parametrize("language, sentences", CASES)
def test_a_text_parts_where_its_sentences_end(language, sentences):
    joiner = "" if language in ("ja", "zh") else " "
    assert split_sentences(joiner.join(sentences), language) == sentences


def test_paragraphs_part_sentences_and_lines_do_not():
    text = "A title\n\nThe first line\nand the second. The\tthird.\n\n\n  \nLast"
    assert split_sentences(text, "en") == [
        "A title",
        "The first line and the second.",
        "The third.",
        "Last",
    ]
    assert split_sentences(" \n\n ", "en") == [] == pieces("", "bg", 10)


@pytest.mark.parametrize(
    "sentence, limit, expected",
    [
        ("short", 10, ["short"]),
        ("one two; three four, five six", 20, ["one two;", "three four, five six"]),
        ("one two, three four five six", 20, ["one two,", "three four five six"]),
        ("one two three four five", 10, ["one two", "three four", "five"]),
        ("incomprehensibilities", 8, ["incompre", "hensibil", "ities"]),
        ("a, " * 3 + "b", 8, ["a, a, a,", "b"]),
    ],
)
def test_a_long_sentence_parts_at_clauses_then_at_words(sentence, limit, expected):
    assert split_long(sentence, limit) == expected


def test_no_word_is_lost_moved_or_longer_than_asked():
    draw = random.Random(0)
    parts = [
        "word",
        "Dr.",
        "end.",
        "U.S.",
        "why?",
        "“yes!”",
        "а.",
        "no;",
        "so,",
        "—",
        "3.5",
        "…",
        "\n\n",
    ]
    for _ in range(300):
        text = " ".join(draw.choices(parts, k=draw.randrange(60)))
        limit = draw.randrange(8, 60)
        for language in ("en", "bg", "ru", "de"):
            made = pieces(text, language, limit)
            assert " ".join(made).split() == text.split()
            assert all(0 < len(piece) <= limit for piece in made)


@pytest.mark.slow
def test_a_megabyte_takes_less_than_some_seconds():
    text = "Dr. Smith came at 5 p.m. to see it, and left; nobody knew why. " * 16_000
    start = time.process_time()
    assert len(pieces(text, "en", 200)) == 16_000
    assert time.process_time() - start < 10  # 0.3 s on a quiet machine
