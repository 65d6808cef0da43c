"""Tables that tell languages apart: their scripts, their small words, and the codes that people may give.

The words are folded as handler/folding.py folds them: no accents, and ß is ss.
"""

from __future__ import annotations

import re

# Letters by script. A script that several languages share stands for its most frequent language.
SCRIPTS = {
    "latin": re.compile("[a-z]+"),
    "zh": re.compile("[\u3400-\u4dbf\u4e00-\u9fff]+"),
    "ja": re.compile("[\u3041-\u30ff]+"),
    "ko": re.compile("[\uac00-\ud7a3]+"),
    "ru": re.compile("[\u0430-\u052f]+"),
    "el": re.compile("[\u03b1-\u03ff]+"),
    "he": re.compile("[\u05d0-\u05ea]+"),
    "ar": re.compile("[\u0620-\u06ff]+"),
    "hi": re.compile("[\u0904-\u0939\u0958-\u096f]+"),
    "th": re.compile("[\u0e01-\u0e30]+"),
}

# The most frequent small words. A word that English has too is in no other list, nor is one that names of products and
# companies have, such as "pro" and "co". A word of one letter is in none: names have it as a unit, a grade or a version.
FUNCTION_WORDS = {
    code: frozenset(words.split())
    for code, words in {
        "en": "the of and to in is for that with on as are by from this be how what not or an at it can your my",
        "de": "der die und das den von zu mit ist im fur auf nicht ein eine des dem sich auch wie bei oder aus wird",
        "fr": "le la les et des du est une dans que qui sur pas avec au ce il sont aux vous ou je",
        "es": "el la los las del que una por para es se lo como su al un mas con sin pero en",
        "it": "il di che la per una del della sono gli nel alla le dei si al lo piu ma con un nella dal anche questo",
        "pt": "os da dos das que uma para em nao por se na ao mais um foi ser como",
        "nl": "de het een en dat niet op te voor zijn is aan er ook bij naar om uit wordt wat",
        "pl": "na sie nie ze jak przez od po za dla oraz czy jako tym jest lub byc jesli tylko tego",
        "sv": "och att det som en av inte ar med ett om jag har den kan hur vad fran",
        "da": "og det til af en er ikke et med der som har den jeg hvad hvordan fra eller",
        "tr": "bir ve bu icin ile da ne cok daha nasil gibi olarak olan mi kadar",
        "id": "yang dan di untuk dengan dari ini itu tidak dalam pada adalah ke akan atau juga bagaimana",
        "vi": "la va cua cho khong cac mot nhung duoc trong nguoi voi nay de khi nhu",
        "cs": "je se na ze to jako jsou nebo by jak od pri ktere neni byl aby podle pokud nelze",
        "hu": "az es hogy nem egy is meg ez de csak volt vagy mi hogyan ha lehet kell",
        "fi": "ja on ei etta se oli kun mita ovat mutta tai kuin myos hanen joka miten",
        "ro": "de si in la cu nu este pe un din pentru sa ce mai sunt",
    }.items()
}
_ENGLISH = FUNCTION_WORDS["en"]
FUNCTION_WORDS = {code: words if code == "en" else words - _ENGLISH for code, words in FUNCTION_WORDS.items()}

# The codes of ISO 639-1.
_CODES = """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en
    eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv
    ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne
    ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st
    su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
ISO_639_1 = frozenset(_CODES.split())
