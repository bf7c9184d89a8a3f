"""The gender of the Bulgarian noun after a number, from short lists and from its ending.

The gender matters for 1 and 2 (един град, една книга, едно дете), and for 3 to 6 where men or
people are counted (трима ученици). After a number a masculine noun stands in its count form, in -а
or -я (два града), a feminine one in -и (две книги): so the ending tells most. Neuter plurals in -а
and -я are told by a list and by their suffixes (две села, две решения). Nouns for men are a list
and some endings. Where nothing tells, the number is neuter, as in counting.
"""

import re

from vits.text.spoken.bulgarian_numbers import Gender, OrdinalGender

FUNCTION_WORDS = frozenset(
    """а без беше бе бил били бъде в върху във всеки всички все да дали до докато е ето ли за
    защото и или към когато който която което които макар между ми мо му на над най не него нея
    ни но нито обаче о около освен от по под поне понеже после почти пред преди през при са сме
    си след само се със с сте съм също та така там те ти това то той тук тя ту ще я го им ѝ вече
    още бяха има няма може остават остана става стават стана означава вчера сега тогава веднага
    сутринта вечерта нощта днес утре""".split()
)

_MEN = frozenset(
    """мъже ученици студенти лекари войници агенти депутати министри работници пътници граждани
    българи съдии полицаи братя синове учени пациенти гости участници кандидати членове експерти
    музиканти художници професори началници офицери моряци пилоти поети клиенти собственици
    наследници съседи другари колеги бащи крале царе князе руснаци французи сърби роми евреи
    престъпници крадци мигранти пожарникари съветници роднини противници съперници воини рицари
    монаси свещеници ездачи бегачи курсанти стажанти абитуриенти първокласници седмокласници
    близнаци делегати рибари овчари прокурори ревизори шампиони секретари аптекари зъболекари
    командири пасажери банкери мениджъри хакери блогъри репортери партизани ветерани дипломати
    адвокати кметове богове попове президенти премиери генерали капитани герои братовчеди внуци
    правнуци съпрузи младежи ергени диригенти магистрати солдати""".split()
)
# A man's plural stands after a number (трима лекари), a thing's does not (три плана, no три
# планове), so these endings belong to men, but for a few feminine nouns.
_MEN_ENDING = re.compile(r"(?:...исти|тели|тори|ьори|нери|олози|[лнрв]ци|[втр]ачи|[чж]ани|.яни)$")
_NOT_MEN = frozenset("постели контори поляни диняни амфори перци".split())
# Alone they are men ("двама ранени"), before a noun they are its adjectives.
_PARTICIPLES = frozenset(
    "обвиняеми заподозрени ранени загинали убити пострадали задържани военни потърпевши".split()
)
_PEOPLE = frozenset("души човека човеци".split())
_NEUTER = frozenset(
    """деца села места имена писма лица дела числа тела крила колела вина стъкла петна влакна сърца
    лета морета дървета цветя агнета телета котета пилета рала ребра гнезда седла весла ведра
    кила яйца масла блата кълба знамена времена племена бремена семена пера платна сукна шосета
    кафета клишета купета таксита евро рамена колена ядра мляка дърва правила светила коленца
    зърна нива огледала одеяла кресла легла стада копита корита сита бедра чела гърла стъбла
    бюра кина палта езера чудеса слънца зрънца бебета прасета магарета кюфтета шишета ателиета
    досиета фоайета резюмета турнета кафенета портмонета менюта интервюта ревюта бижута""".split()
)
_FEMININE = frozenset(
    """нощ сол кръв вечер пролет есен област част стая реч вещ мощ пещ болест смърт памет пот
    цел кост радост младост старост жал мисъл захар треска ръце нощи вечери миля ръка
    степен роля любов църква прелест чест напаст песен гръд сутрин кал пара заповед
    изповед проповед""".split()
)
_MASCULINE = frozenset(
    "баща юноша съдия колега владика войвода дядо чичо вуйчо татко дни пъти крака".split()
)
_MASCULINE_NOUNS_IN_OST = frozenset("гост мост пост тост ръст лист хвощ дъжд".split())
_NEUTER_PLURAL = re.compile(r"(?:ния|тия|вия|лия|дия|ища|чета|ства)$")  # but: два гения
_ADJECTIVES = frozenset(
    """стари големи малки първи цели дълги къси добри лоши други такива бели червени сини зелени
    жълти млади красиви високи слаби тежки леки дървени общи еднакви мъртви
    живи сладки кафяви широки дълбоки топли студени горещи""".split()
)
_ADJECTIVE_ENDING = re.compile(r"(?:[сшч]ки|[бвгджзклмпрстхчшщ]ни|йни|ови|[ая]щи|[иа]ти)$")
_ADJECTIVE_EXCEPTIONS = frozenset(
    """дъски каски маски блузки точки речки ръчки чашки пръчки сачки букачки войни песни
    басни цистерни основи подкови палати заплати лопати карти""".split()
)
_VERB_ENDING = re.compile(r"[аяои]ха$")  # "чакаха", no noun

# After these the number is a name, said as in counting: "страница 2", "номер 1", "стая 21".
NUMBERED = re.compile(
    r"(?<!\w)(?:номер|страница|глава|точка|член|алинея|стая|автобус|трамвай|тролей|линия|канал"
    r"|апартамент|етаж|блок|вход|фигура|таблица|параграф|буква|тел\.|телефон|код|зала|кабинет"
    r"|гише|сектор|изход|терминал|перон|коловоз|урок|задача|упражнение|пример|вариант|версия"
    r"|модел|тип|брой|лист)\s$",
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
    if words[0] in FUNCTION_WORDS:
        return "neuter"
    if singular:
        return _of_singular(words[0])  # an adjective in front has the same endings
    while len(words) > 1 and _is_adjective(words[0], words[1]):
        words = words[1:]
    return _of_plural(words[0])


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
    if following in FUNCTION_WORDS or following[-1] not in "аяие":
        return False
    if word in _ADJECTIVE_EXCEPTIONS or _is_man(word) or _VERB_ENDING.search(following):
        return False
    return word in _ADJECTIVES or word in _PARTICIPLES or _ADJECTIVE_ENDING.search(word) is not None


def _is_man(word: str) -> bool:
    return word in _MEN or (_MEN_ENDING.search(word) is not None and word not in _NOT_MEN)


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
    if word in _PEOPLE:
        return "people"
    if _is_man(word) or word in _PARTICIPLES:
        return "men"
    if word in _FEMININE:
        return "feminine"
    if word in _MASCULINE or word == "гения":
        return "masculine"
    if word in _NEUTER:
        return "neuter"
    if word.endswith("ове"):
        return "masculine"
    if word.endswith(("а", "я")):
        return "neuter" if _NEUTER_PLURAL.search(word) else "masculine"
    return "feminine" if word.endswith("и") else "neuter"
