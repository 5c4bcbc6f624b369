"""Language detection for passages and queries, by script and commonest words."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

ENGLISH = "english"
UNKNOWN = ""

_COMMON = {
    "english": (
        "the of and to in is that for with was are this be by as from which not at have a "
        "an on it its or what how why does did you your can will their about when "
        "where than into were has had"
    ),
    "german": (
        "der die das und ist nicht von den mit des im ein eine zu auf für sich dem werden "
        "was wie wer warum welche bei sind als aus nach oder einen einem einer hat am zur "
        "zum"
    ),
    "french": (
        "le la les des et est une dans que pour du qui sur par pas au aux ce cette sont "
        "quel quelle quels comment où se ne avec ont été l d qu il elle ses leur"
    ),
    "spanish": (
        "el los las y en que del una por con para es se un como su más al fue son qué "
        "cómo cuál quién dónde lo sus entre ha o sobre"
    ),
    "italian": (
        "il di che è della per un una del con non sono alla nel dei le gli più da si "
        "quale chi dove come nella alle dal ha o ed questo"
    ),
    "portuguese": (
        "o os as e do da que em um uma para com não dos das é por mais no na qual quem "
        "onde como ao foi seu sua ou pelo pela"
    ),
    "dutch": (
        "de het een van en in is dat op te zijn met voor niet aan er die door wordt bij "
        "wat hoe wie waar ook als naar of heeft"
    ),
    "swedish": (
        "och att det som en är på för av med den till inte har ett om var från de vid vad "
        "hur vem där när eller"
    ),
    "danish": (
        "og at det en er på for af med den til ikke har et som der blev fra de ved hvad "
        "hvordan hvem hvor når eller"
    ),
    "norwegian": (
        "og i at det en er på for av med den til ikke har et som ble fra de ved hva "
        "hvordan hvem hvor når eller"
    ),
    "finnish": "ja on ei että oli se hän mutta ovat myös kun joka sen tai kuin ole vain jotka",
    "hungarian": "a az és hogy nem egy is ez meg van volt csak azt már mint el vagy ki kell",
    "romanian": "și de la în cu nu este pe un o care din să mai sunt pentru ca au fost ce",
    "polish": "i w na z nie się do że jest to od za po jak przez oraz jego dla ale był",
    "czech": "a v se na je že s z do o jako pro byl také jeho ale které nebo podle jsou",
    "turkish": "ve bir bu için ile de da olarak çok daha olan gibi kadar sonra en ne ise değil",
}
_VOTES: dict[str, list[str]] = {}
for _language, _words in _COMMON.items():
    for _word in _words.split():
        _VOTES.setdefault(_word, []).append(_language)
_SAY_NOTHING = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_SAY_NOTHING["english"] |= set("sdli") | {"do", "no", "he", "per", "am", "till"}
"""Also words that are no sign of English, because other languages have them as well."""

_SCRIPTS = (
    ("russian", re.compile("[\u0400-\u04ff]")),
    ("greek", re.compile("[\u0370-\u03ff\u1f00-\u1fff]")),
    ("arabic", re.compile("[\u0600-\u06ff]")),
    ("hebrew", re.compile("[\u0590-\u05ff]")),
    ("armenian", re.compile("[\u0530-\u058f]")),
    ("hindi", re.compile("[\u0900-\u097f]")),
    ("tamil", re.compile("[\u0b80-\u0bff]")),
    ("thai", re.compile("[\u0e00-\u0e7f]")),
    ("japanese", re.compile("[\u3040-\u30ff]")),
    ("chinese", re.compile("[\u3400-\u9fff]")),
    ("korean", re.compile("[\uac00-\ud7af]")),
    ("latin", re.compile("[A-Za-zÀ-ɏ]")),
)
_PERSIAN = re.compile("[\u067e\u0686\u0698\u06af]")
_SCRIPT_SAMPLE, _WORD_SAMPLE = 500, 1500  # characters
_WORD = re.compile(r"[^\W\d_]+")
_MIN_VOTES = 0.6  # a word of two languages has half a vote for each
_EVIDENT_VOTES = 1.5
_MIN_LEAD = 1.2
_FEW_WORDS = 8  # in a longer text "per" alone is no sign of Italian
_MIN_PERSIAN = 0.02  # share of letters that Arabic does not have


def language_of(text: str) -> str:
    """Return the language of a text by its English name, or ``UNKNOWN``."""
    sample = text[:_SCRIPT_SAMPLE]
    if sample.isascii():
        return _latin(text[:_WORD_SAMPLE])
    counts = {name: len(script.findall(sample)) for name, script in _SCRIPTS}
    script = max(counts, key=counts.__getitem__)
    if not counts[script]:
        return UNKNOWN
    if script == "chinese" and counts["japanese"]:
        return "japanese"
    if script == "arabic" and len(_PERSIAN.findall(sample)) > _MIN_PERSIAN * counts["arabic"]:
        return "persian"
    return _latin(text[:_WORD_SAMPLE]) if script == "latin" else script


def is_evident(language: str, query: str) -> bool:
    """Return whether a query is in the language that it seems to have.

    Other scripts are evident. One word is no sign of a language other than English: "health care
    costs" is not Romanian, though the commonest words of that include ``care``.
    """
    if language == ENGLISH or language not in _COMMON:
        return True
    return _has_signs(language, _WORD.findall(query.lower()))


def is_known_by_words(language: str) -> bool:
    """Return whether a language is recognized by its words, not by its script."""
    return language in _COMMON


def _latin(sample: str) -> str:
    votes: defaultdict[str, float] = defaultdict(float)
    words = _WORD.findall(sample.lower())
    for word, count in Counter(filter(_VOTES.__contains__, words)).items():
        languages = _VOTES[word]
        for language in languages:
            votes[language] += count / len(languages)
    best = sorted(votes.items(), key=lambda vote: -vote[1])[:2]
    if not best or best[0][1] < _MIN_VOTES:
        return UNKNOWN
    language, most = best[0]
    if len(words) > _FEW_WORDS and language != ENGLISH and not _has_signs(language, words):
        return UNKNOWN
    is_clear = len(best) == 1 or most >= _MIN_LEAD * best[1][1]
    return language if is_clear else UNKNOWN


def _has_signs(language: str, words: Iterable[str]) -> bool:
    """Return whether several words are common in a language.

    Single letters do not count: in tables they are marks.
    """
    signs = (_VOTES[word] for word in set(words) if len(word) > 1 and word in _VOTES)
    return sum(1 / len(each) for each in signs if language in each) >= _EVIDENT_VOTES


def is_common(word: str, language: str) -> bool:
    """Return whether a word is among the commonest of a language: it finds nothing."""
    return word in _SAY_NOTHING.get(language, ())
