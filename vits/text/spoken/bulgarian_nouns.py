"""The gender of the Bulgarian noun after a number, from short lists and from its ending.

The gender matters for 1 and 2 (един град, една книга, едно дете), and for 3 to 6 where men or
people are counted (трима ученици). After a number a masculine noun stands in its count form, in -а
or -я (два града), a feminine one in -и (две книги): so the ending tells most. Neuter plurals in -а
and -я are told by a list and by their suffixes (две села, две решения). Nouns for men are a list
and the ending -исти. Where nothing tells, the number is neuter, as in counting.
"""

import re

from vits.text.spoken.bulgarian_numbers import Gender, OrdinalGender

FUNCTION_WORDS = frozenset(
    """а без беше бе бил били бъде в върху във всеки всички все да дали до докато е ето ли за
    защото и или катоката към когато който която което които ли макар между ми мо му на над най
    не него нея ни но нито обаче о около освен от по под поне понеже после почти пред преди през
    при са сме си след само се със с сте съм също та така там те ти това то той тук тя ту ще я
    го им ѝ вече още беха бяха има няма може остават остана става стават стана означава""".split()
)

_MEN = frozenset(
    """души мъже ученици студенти учители лекари войници депутати играчи футболисти министри
    служители работници пътници граждани жители посетители зрители българи журналисти съдии
    полицаи братя синове приятели актьори писатели учени пациенти гости участници кандидати
    членове специалисти експерти човеци певци състезатели спортисти музиканти художници инженери
    програмисти преподаватели професори доктори директори началници офицери моряци пилоти
    шофьори доброволци деятели поети читатели слушатели потребители клиенти купувачи продавачи
    собственици наследници родители съседи другари колеги бащи дядовци чичовци крале царе князе
    римляни гърци турци руснаци германци французи англичани американци италианци испанци
    македонци сърби румънци роми евреи чужденци българчета престъпници крадци свидетели
    обвиняеми заподозрени задържани ранени загинали убити пострадали бежанци мигранти пенсионери
    военни пожарникари спасители съветници избиратели партньори роднини победители финалисти
    противници съперници воини рицари монаси свещеници ездачи бегачи курсанти стажанти
    абитуриенти първокласници седмокласници близнаци потърпевши делегати представители
    разузнавачи ловци рибари овчари майстори строители търговци готвачи сервитьори""".split()
) - {"българчета"}
_NEUTER = frozenset(
    """деца села места имена писма лица дела числа тела крила колела вина стъкла петна влакна
    сърца лета морета полета дървета цветя агнета телета момчета момичета кучета котета пилета
    парчета листчета врата рала ребра гнезда седла весла ведра кила яйца масла блата кълба
    знамена времена племена бремена семена пера платна сукна чувства качества количества
    общества правителства министерства средства свойства обстоятелства доказателства посолства
    летища училища хранилища шосета кафета клишета купета такси таксита евро крака рамена колена
    очи уши ръце пъти ядра ведра нива мляка дърва правила светила ястия коленца зърна животни
    насекоми влечуги земноводни""".split()
) - {"крака", "врата", "пъти", "ръце", "нива", "пера"}
_FEMININE = frozenset(
    """нощ сол кръв вечер пролет есен област част стая реч вещ мощ пещ болест смърт памет пот
    цел кост радост младост старост жал длъж мисъл захар треска ръце нощи вечери миля ръка
    степен роля любов църква прелест чест напаст песен гръд сутрин кал мед мащ пара заповед
    изповед проповед отрасъл дан""".split()
) - {"отрасъл", "мед", "дан", "мащ", "длъж"}
_MASCULINE = frozenset(
    "баща съдия колега владика войвода дядо чичо вуйчо татко пъти крака крака".split()
)
_MASCULINE_NOUNS_IN_OST = frozenset("гост мост пост тост ръст лист хвощ дъжд".split())
_NEUTER_PLURAL = re.compile(
    r"(?:ния|тия|вия|лия|дия|ища|нца|чета|ства|ийца|лета|мена|жища)$"
)  # but see below: куплета, критерия
_MASCULINE_COUNT_FORMS = frozenset(
    """билета балета пистолета куплета гения критерия санатория сценария лица билярда сервитьора
    трудия лазарета атлета филия проспекта планетария""".split()
) - {"лица", "трудия", "филия"}
_ADJECTIVES = frozenset(
    """нови стари големи малки различни отделни последни първи следващи предишни цели дълги къси
    добри лоши важни основни главни други такива бели черни червени сини зелени жълти млади
    красиви високи ниски силни слаби нови тежки леки пълни празни свободни допълнителни големи
    дървени железни златни сребърни държавни частни общи подобни еднакви сериозни успешни
    поредни официални нощни дневни мъртви живи ранени пресни сладки кафяви богати бедни широки
    тесни дълбоки топли студени горещи""".split()
) | frozenset(
    """нов нова ново стар стара старо голям голяма голямо малък малка малко цял цяла цяло друг
    друга друго добър добра добро последен последна последно единствен единствена единствено""".split()
)
_ADJECTIVE_ENDING = re.compile(r"(?:ски|шки|чки|ални|ични|ийни|овни|ански|ена|ска|шка|ско|шко)$")
_ADJECTIVE_EXCEPTIONS = frozenset(
    "дъски каски маски блузки точки топчки речки ръчки дребни цена сцена".split()
)

# After these the number is a name, said as in counting: "страница 2", "номер 1", "стая 21".
NUMBERED = re.compile(
    r"(?<!\w)(?:номер|страница|глава|точка|член|алинея|стая|автобус|трамвай|тролей|линия|канал|апартамент"
    r"|етаж|блок|вход|фигура|таблица|параграф|буква|тел\.|телефон|код|зала|кабинет|гише|сектор|изход"
    r"|терминал|перон|коловоз|урок|задача|упражнение|пример|вариант|версия|глава|модел|тип|брой|чл\.|т\.)\s$",
    re.IGNORECASE,
)
_WORDS_AFTER = re.compile(r"[ \u00a0\u202f]([а-яѝ]+(?:-[а-я]+)?)(?:\s([а-яѝ]+))?(?:\s([а-яѝ]+))?")

# A singular after a number above one means an ordinal: "5 клас" is the fifth.
_ORDINAL_NOUNS: dict[str, OrdinalGender] = {
    **dict.fromkeys(
        """клас етаж курс век ред кръг сезон епизод рунд том ден етап ранг полк корпус разряд
        випуск конгрес събор""".split(),
        "masculine",
    ),
    **dict.fromkeys(
        "място столетие издание действие поколение ниво изречение полувреме".split(), "neuter"
    ),
    **dict.fromkeys(
        """страница глава част година година група серия седмица лига армия дивизия минута сесия
        династия олимпиада категория степен алинея""".split(),
        "feminine",
    ),
}
_ORDINAL_FROM_ONE = frozenset(
    "клас курс век етаж място кръг полувреме рунд лига издание дивизия армия категория".split()
)


def gender_after(following: str, singular: bool) -> Gender:
    """The gender a number takes before this text, which begins with the space after the number.

    singular: the number is exactly 1, so its noun is in the singular.
    """
    found = _WORDS_AFTER.match(following)
    if found is None:
        return "neuter"
    words = [word for word in found.groups() if word]
    while len(words) > 1 and _is_adjective(words[0], words[1]):
        words = words[1:]
    word = words[0]
    if word in FUNCTION_WORDS:
        return "neuter"
    return _of_singular(word) if singular else _of_plural(word)


def ordinal_gender_after(following: str, number: int) -> OrdinalGender | None:
    """The gender for an ordinal, where a noun in the singular asks for one: "5 клас"; else None."""
    found = _WORDS_AFTER.match(following)
    if found is None or number == 0:
        return None
    word = found.group(1)
    if number == 1 and word not in _ORDINAL_FROM_ONE:
        return None
    return _ORDINAL_NOUNS.get(word)


def _is_adjective(word: str, following: str) -> bool:
    if following in FUNCTION_WORDS or word in FUNCTION_WORDS or word in _ADJECTIVE_EXCEPTIONS:
        return False
    return word in _ADJECTIVES or _ADJECTIVE_ENDING.search(word) is not None


def _of_singular(word: str) -> Gender:
    if word in _MASCULINE:
        return "masculine"
    if word in _FEMININE:
        return "feminine"
    if word.endswith(("а", "я")):
        return "feminine"
    if word.endswith(("о", "е", "у", "ю")):
        return "neuter"
    if word.endswith(("ски", "шки", "чки")):  # an adjective: "1 български град"
        return "masculine"
    if word.endswith("и"):  # такси, жури
        return "neuter"
    if word.endswith(("ост", "ест", "знь")) and word not in _MASCULINE_NOUNS_IN_OST:
        return "masculine" if word.endswith("рест") or word == "тест" else "feminine"
    return "masculine"


def _of_plural(word: str) -> Gender:
    if word in _MEN or (word.endswith("исти") and len(word) > 6):
        return "men"
    if word in _MASCULINE or word in _MASCULINE_COUNT_FORMS:
        return "masculine"
    if word in _NEUTER:
        return "neuter"
    if word.endswith("ове"):
        return "masculine"
    if word.endswith(("а", "я")):
        return "neuter" if _NEUTER_PLURAL.search(word) else "masculine"
    return "feminine" if word.endswith("и") else "neuter"
